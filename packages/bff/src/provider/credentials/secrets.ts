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
import { acceptedSecrets } from './accepted.ts'
import type { Credential, Credentials } from './credentials.ts'
import { fingerprintOf } from './fingerprint.ts'
import { acceptedLast, type KnownSecret, triedUntil, tryingOrder } from './order.ts'
import type { Sighting, Sightings } from './sightings.ts'

/** What they are used with. */
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

/** A client's credentials that are secrets. */
export interface ClientSecrets extends Credentials {
  /** The newest first. */
  shown(): Promise<readonly ShownSecret[]>
  /** Of the one in use, in the list: 0 is the newest; nothing until one was accepted, or once that is refused and no other is accepted. */
  position(): number | undefined
}

const probeEveryMs = 60_000
/** Files are looked at each second. */
const untilFilesAreReadMs = 1_100

/** Reads the list at its first use, and again when the source has another one. */
export function clientSecrets(setting: SecretsSetting): ClientSecrets {
  const { clientId, source, overlapMs, clock, monotonic, log } = setting
  const accepted = acceptedSecrets(setting)
  let held: Promise<readonly Credential[]> | undefined
  let heldText: string | undefined
  let list: readonly string[] = []
  let preferred: string | undefined
  let isRefused = false
  let probedAt = Number.NEGATIVE_INFINITY
  const stop = source.watch(
    () => void current().catch((error) => log.error({ err: error }, 'the client secrets cannot be used')),
    setting.watching,
  )

  function current(): Promise<readonly Credential[]> {
    const text = source.current()
    if (held === undefined || text !== heldText) {
      heldText = text
      held = read(text)
    }
    return held
  }

  async function read(text: string): Promise<readonly Credential[]> {
    const credentials = await Promise.all(secretsIn(source.name, text).map((secret) => credentialOf(setting, secret)))
    await accepted.recall()
    list = credentials.map(({ id }) => id)
    probedAt = Number.NEGATIVE_INFINITY
    preferred ??= acceptedLast(known())
    log.info({ secrets: list }, 'the client secrets are read')
    return credentials
  }

  const inUse = () => (isRefused ? undefined : preferred)
  const known = () => list.map((fingerprint) => ({ fingerprint, ...accepted.of(fingerprint) }))

  return {
    clientId: () => clientId,
    async candidates() {
      const credentials = await current()
      const isProbe = preferred !== list[0] && monotonic() - probedAt >= probeEveryMs
      // Only one request of many goes ahead.
      if (isProbe) probedAt = monotonic()
      const order = tryingOrder(known(), { now: clock(), overlapMs, preferred, isProbe })
      return order.flatMap((id) => credentials.find((credential) => credential.id === id) ?? [])
    },
    worked({ id }) {
      if (id === preferred) isRefused = false
      if (id === preferred && accepted.of(id) !== undefined) return
      if (id !== preferred)
        log.info({ secret: id, position: list.indexOf(id) }, 'the identity provider accepts this client secret')
      preferred = id
      isRefused = false
      accepted.note(id)
    },
    refused({ id }) {
      if (id === preferred) isRefused = true
      log.warn({ secret: id, position: list.indexOf(id) }, 'the identity provider does not accept this client secret')
    },
    async lookAgain() {
      if (source.isFile) await setting.sleep(untilFilesAreReadMs)
    },
    async shown() {
      await current()
      return shownSecrets(known(), inUse(), overlapMs)
    },
    position() {
      const position = list.indexOf(inUse() ?? '')
      return position < 0 ? undefined : position
    },
    async close() {
      await stop()
      await accepted.close()
    },
  }
}

async function credentialOf({ clientId, method }: SecretsSetting, secret: string): Promise<Credential> {
  const authenticate = method === 'client_secret_post' ? ClientSecretPost(secret) : ClientSecretBasic(secret)
  return { id: await fingerprintOf(clientId, secret), clientId, authenticate }
}

function shownSecrets(
  secrets: readonly (KnownSecret & Partial<Sighting>)[],
  used: string | undefined,
  overlapMs: number,
): ShownSecret[] {
  const until = triedUntil(secrets, overlapMs)
  return secrets.map(({ fingerprint, firstWorkedAt, tookOverAt }, position) => ({
    ...{ position, fingerprint, firstWorkedAt, tookOverAt },
    isUsed: fingerprint === used,
    triedUntil: until[position],
  }))
}
