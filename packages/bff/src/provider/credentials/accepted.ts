/** Which secrets of this client the identity provider accepted, as far as this instance knows. */
import type { Logger } from 'pino'
import type { Clock } from '../../clock.ts'
import type { Sighting, Sightings } from './sightings.ts'

export interface AcceptedSecrets {
  of(fingerprint: string): Sighting | undefined
  /** Takes in what other replicas saw. Without the database the secrets serve all the same; only an overlap may then begin anew. */
  recall(): Promise<void>
  /** It was accepted in the place of another one. That this is written down is not waited for. */
  note(fingerprint: string): void
  /** Waits until all that was noted is written down, or cannot be. */
  close(): Promise<void>
}

interface Noting {
  readonly clientId: string
  readonly sightings: Sightings
  readonly clock: Clock
  readonly monotonic: Clock
  readonly log: Logger
}

/** Knows of none until the first `recall`. */
export function acceptedSecrets({ clientId, sightings, clock, monotonic, log }: Noting): AcceptedSecrets {
  const seen = new Map<string, Sighting>()
  const writing = new Set<Promise<void>>()
  return {
    of: (fingerprint) => seen.get(fingerprint),
    async recall() {
      try {
        for (const [fingerprint, sighting] of await sightings.read(clientId)) seen.set(fingerprint, sighting)
      } catch (error) {
        log.warn({ err: error }, 'it cannot be read which client secrets were accepted before')
      }
    },
    note(fingerprint) {
      const now = clock()
      seen.set(fingerprint, { firstWorkedAt: seen.get(fingerprint)?.firstWorkedAt ?? now, tookOverAt: now })
      const since = monotonic()
      const written = sightings
        .tookOver(clientId, fingerprint, () => monotonic() - since)
        .then((sighting) => void seen.set(fingerprint, sighting))
        .catch((error) => log.warn({ err: error }, 'it cannot be written down that a client secret was accepted'))
        .finally(() => writing.delete(written))
      writing.add(written)
    },
    async close() {
      await Promise.all(writing)
    },
  }
}
