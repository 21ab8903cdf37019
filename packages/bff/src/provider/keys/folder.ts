/**
 * The client's keys in a folder, which replicas share. Whoever signs looks at the file's name, place and time first: so a key that another
 * replica put there signs from the next request on, here too.
 */
import { readFile, stat } from 'node:fs/promises'
import {
  type ClientOptions,
  ensureRegistered,
  folderKeys,
  heldKey,
  type JwkSet,
  keepKey,
  type Ports,
  RegistrationError,
} from '@rekey/registration'
import { every } from '@rekey/service'
import type { Logger } from 'pino'
import type { KeySettings } from '../../config/client-keys.ts'
import { BffError } from '../../error.ts'
import type { SigningKey } from '../credentials/keys.ts'
import type { ClientKeys } from './client-keys.ts'
import { noticing } from './notice.ts'

const DAY_MS = 86_400_000
/** What waits for the identity provider is looked at so often; what is due by age, once an hour. */
const lookEveryMs = 5_000
const dueEveryMs = 3_600_000
/** What fails is tried again before long: nobody waits for an identity provider that is away. */
const patience = { attempts: 2, timeoutMs: 5_000 }

type Due = Pick<ClientOptions, 'rotateAfterDays' | 'evenIfNew'>

interface FolderSetting {
  readonly settings: KeySettings
  /** Where this client does not register itself. */
  readonly clientId: string | undefined
  readonly ports: Pick<Ports, 'fetch' | 'now'>
  readonly log: Logger
}

/**
 * Makes sure that there is a key, and where this client registers itself that it is registered.
 *
 * @throws RegistrationError that says what somebody has to do; not for an identity provider that is away: that is tried again
 */
export async function openKeyFolder({
  settings,
  clientId: given,
  ports: some,
  log,
}: FolderSetting): Promise<ClientKeys> {
  const { options, isRegistered } = settings
  const ports = { ...some, log: (level: 'info' | 'warn' | 'error', line: string) => log[level](line) }
  const notice =
    settings.notice && noticing(settings.notice, { isByAddress: options.jwksUri !== undefined, fetch: some.fetch, log })
  const announce = notice && (async (set: JwkSet) => (await notice(set)).hasAll)
  let clientId = given
  let isUnsettled = true
  let settledAt = Number.NEGATIVE_INFINITY

  /** @param due how old a key may be, in days; 0 replaces it now. @returns why a rotation that was due failed, where the key before goes on */
  async function settle(due: Due): Promise<string | undefined> {
    const wanted: ClientOptions = { ...options, ...due, allowFailure: false, ...patience }
    if (isRegistered) {
      const registered = await ensureRegistered(wanted, ports)
      if (registered.outcome === 'skipped' || registered.outcome === 'failed') return registered.reason
      clientId = registered.clientId
      isUnsettled = (await folderKeys(options, ports)).waiting !== undefined
      return registered.rotationFailed
    }
    const kept = await keepKey(wanted, { clientId: given, ...(announce === undefined ? {} : { announce }) }, ports)
    isUnsettled = kept.waiting !== undefined
    return undefined
  }

  async function settleIfPossible(days: number): Promise<void> {
    try {
      await settle({ rotateAfterDays: days })
    } catch (error) {
      isUnsettled = isPassing(error)
      if (!isUnsettled) throw error
      log.warn({ err: error }, 'this client cannot be registered yet, and that is tried again')
    } finally {
      settledAt = ports.now()
    }
  }

  clientId ??= await storedClientId(options)
  try {
    await settleIfPossible(options.rotateAfterDays)
  } catch (error) {
    if (!options.allowFailure) throw error
    log.error({ err: error }, 'the registration of this client failed, and ALLOW_BOOTSTRAP_FAILURE lets it start')
  }
  // 0 stands for this start, and not for every hour.
  const later = options.rotateAfterDays === 0 ? 30 : options.rotateAfterDays
  const act = async () => {
    const isDue = isUnsettled || ports.now() - settledAt >= dueEveryMs
    // A command beside this process may have made one.
    if (isDue || (await folderKeys(options, ports)).waiting !== undefined) await settleIfPossible(later)
  }
  const stop = every(lookEveryMs, act, (error) =>
    log.error({ err: error }, 'the keys of this client cannot be looked after'),
  )
  const current = watched(options, ports)

  return {
    clientId: () => clientId,
    current,
    published: async () => ({ keys: (await folderKeys(options, ports)).published }),
    async shown() {
      const { signing, waiting, published, used } = await folderKeys(options, ports)
      const kids = published.flatMap(({ kid }) => kid ?? [])
      const key = published.find(({ kid }) => kid === signing?.kid)
      return {
        algorithm: String(key?.alg ?? options.keyAlgorithm),
        signing,
        waiting,
        before: signing && used[used.lastIndexOf(signing.kid) - 1],
        earlier: kids.filter((kid) => kid !== signing?.kid && kid !== waiting),
        former: used.filter((kid) => !kids.includes(kid) && kid !== signing?.kid),
        rotateEveryMs: options.rotateAfterDays * DAY_MS,
        retireAfterMs: Math.max(0, options.retireAfterDays) * DAY_MS,
      }
    },
    async rotate() {
      const failed = await settle({ rotateAfterDays: 0, evenIfNew: true }).catch((error) => {
        if (!isPassing(error)) throw error
        return error as Error
      })
      if (failed === undefined) return
      log.warn({ err: failed }, 'the key of this client could not be replaced; it goes on')
      throw new BffError('IDP_UNAVAILABLE', 'the identity provider cannot take a key at the moment')
    },
    close: stop,
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof RegistrationError && ['IDP_UNREACHABLE', 'LOCKED', 'FROZEN'].includes(error.code)

/** A client that was registered by an earlier start may be used while the identity provider is away. */
async function storedClientId({ credentials }: ClientOptions): Promise<string | undefined> {
  try {
    const { client_id: clientId } = JSON.parse(await readFile(credentials, 'utf8'))
    return typeof clientId === 'string' ? clientId : undefined
  } catch (error) {
    // What is there and is not ours is told by the registration.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

function watched(options: ClientOptions, ports: Partial<Ports>): () => Promise<SigningKey | undefined> {
  let seen = ''
  let key: SigningKey | undefined
  return async () => {
    const now = await markOf(options.signingKey)
    if (now === undefined || now === seen) return key
    const read = await heldKey(options, ports)
    if (read !== undefined) {
      key = read
      // It may have been replaced once more meanwhile: then the next look reads it again.
      seen = now
    }
    return key
  }
}

/** Another file, or another text in it. */
async function markOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs, size } = await stat(path)
    return `${ino} ${mtimeMs} ${size}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
