/**
 * The client's secrets, newest first, as a variable or a file has them.
 *
 * The one that was accepted last is tried first, so that a provider which counts failures sees few. Once a minute a newer one goes before
 * it: so it shows that the provider knows the new secret while the old one is still good. When the first is not accepted the others are
 * tried at once, whichever side changed first. From the moment a newer one was accepted, an older one is tried for the overlap and no longer.
 */
import { ClientSecretBasic, ClientSecretPost } from 'openid-client'
import type { Logger } from 'pino'
import type { Clock } from '../../clock.ts'
import { type SecretSource, secretsIn, type Watching } from '../../config/source.ts'
import type { Credential, Credentials } from './credentials.ts'
import { fingerprintOf } from './fingerprint.ts'
import { triedUntil, tryingOrder } from './order.ts'
import type { Sighting, Sightings } from './sightings.ts'

export interface SecretsSetting {
  readonly clientId: string
  readonly source: SecretSource
  readonly method: 'client_secret_basic' | 'client_secret_post'
  readonly overlapMs: number
  readonly sightings: Sightings
  readonly clock: Clock
  readonly monotonic: Clock
  readonly sleep: (ms: number) => Promise<void>
  readonly watching: Watching
  readonly log: Logger
}

/** For status: nothing in it opens anything. */
export interface ShownSecret {
  readonly position: number
  readonly fingerprint: string
  readonly isUsed: boolean
  readonly firstWorkedAt: number | undefined
  readonly tookOverAt: number | undefined
  /** It is tried until then, because a newer one was accepted. */
  readonly triedUntil: number | undefined
}

export interface ClientSecrets extends Credentials {
  shown(): Promise<readonly ShownSecret[]>
  /** Of the one in use, in the list: 0 is the newest; nothing until one was accepted. */
  position(): number | undefined
}

const probeEveryMs = 60_000
/** Files are looked at each second. */
const untilFilesAreReadMs = 1_100

interface Held {
  readonly text: string
  readonly credentials: readonly Credential[]
}

export function clientSecrets(setting: SecretsSetting): ClientSecrets {
  const { clientId, source, sightings, clock, monotonic, log } = setting
  let held: Promise<Held> | undefined
  let heldText: string | undefined
  let seen = new Map<string, Sighting>()
  let preferred: string | undefined
  let probedAt = Number.NEGATIVE_INFINITY
  let newest: string | undefined
  let list: readonly string[] = []
  const writing = new Set<Promise<void>>()
  const stop = source.watch(
    () => void current().catch((error) => log.error({ err: error }, 'the client secrets cannot be used')),
    setting.watching,
  )

  function current(): Promise<Held> {
    const text = source.current()
    if (held === undefined || text !== heldText) {
      heldText = text
      held = read(text)
    }
    return held
  }

  async function read(text: string): Promise<Held> {
    const credentials = await Promise.all(secretsIn(source.name, text).map((secret) => credentialOf(setting, secret)))
    await recall()
    list = credentials.map(({ id }) => id)
    newest = list[0]
    probedAt = Number.NEGATIVE_INFINITY
    const used = list.filter((id) => seen.has(id))
    preferred ??= used.toSorted((one, other) => lastOf(other) - lastOf(one))[0]
    log.info({ secrets: list }, 'the client secrets are read')
    return { text, credentials }
  }

  const lastOf = (id: string): number => seen.get(id)?.tookOverAt ?? 0

  /** Without the database the secrets serve all the same; only an overlap may then begin anew. */
  async function recall(): Promise<void> {
    try {
      seen = new Map([...seen, ...(await sightings.read(clientId))])
    } catch (error) {
      log.warn({ err: error }, 'it cannot be read which client secrets were accepted before')
    }
  }

  function note(id: string): void {
    const now = clock()
    const before = seen.get(id)
    seen.set(id, { firstWorkedAt: before?.firstWorkedAt ?? now, tookOverAt: now })
    const written = sightings
      .tookOver(clientId, id)
      .then((sighting) => void seen.set(id, sighting))
      .catch((error) => log.warn({ err: error }, 'it cannot be written down that a client secret was accepted'))
      .finally(() => writing.delete(written))
    writing.add(written)
  }

  const known = () => list.map((fingerprint) => ({ fingerprint, tookOverAt: seen.get(fingerprint)?.tookOverAt }))

  return {
    clientId: () => clientId,
    async candidates() {
      const { credentials } = await current()
      const isProbe = preferred !== newest && monotonic() - probedAt >= probeEveryMs
      // Only one request of many goes ahead.
      if (isProbe) probedAt = monotonic()
      const order = tryingOrder(known(), { now: clock(), overlapMs: setting.overlapMs, preferred, isProbe })
      return order.flatMap((id) => credentials.find((credential) => credential.id === id) ?? [])
    },
    worked({ id }) {
      if (id === preferred && seen.has(id)) return
      if (id !== preferred)
        log.info({ secret: id, position: list.indexOf(id) }, 'the identity provider accepts this client secret')
      preferred = id
      note(id)
    },
    refused({ id }) {
      log.warn({ secret: id, position: list.indexOf(id) }, 'the identity provider does not accept this client secret')
    },
    async lookAgain() {
      if (source.isFile) await setting.sleep(untilFilesAreReadMs)
    },
    async shown() {
      await current()
      const until = triedUntil(known(), setting.overlapMs)
      return known().map(({ fingerprint, tookOverAt }, position) => ({
        position,
        fingerprint,
        isUsed: fingerprint === preferred,
        firstWorkedAt: seen.get(fingerprint)?.firstWorkedAt,
        tookOverAt,
        triedUntil: until[position],
      }))
    },
    position: () => (preferred === undefined || !list.includes(preferred) ? undefined : list.indexOf(preferred)),
    async close() {
      await stop()
      await Promise.all(writing)
    },
  }
}

async function credentialOf({ clientId, method }: SecretsSetting, secret: string): Promise<Credential> {
  const authenticate = method === 'client_secret_post' ? ClientSecretPost(secret) : ClientSecretBasic(secret)
  return { id: await fingerprintOf(clientId, secret), clientId, authenticate }
}
