/** What is done so that the folder has the keys it should have, and the identity provider knows them. */
import { readFile } from 'node:fs/promises'
import {
  type ClientOptions,
  ensureRegistered,
  folderKeys,
  type JwkSet,
  keepKey,
  type Ports,
  RegistrationError,
} from '@rekey/registration'
import type { Logger } from 'pino'
import type { KeySettings } from '../../config/client-keys.ts'
import { noticing } from './notice.ts'

/** What is due by age is looked at so often. */
const dueEveryMs = 3_600_000
/** What fails is tried again before long: nobody waits for an identity provider that is away. */
const patience = { attempts: 2, timeoutMs: 5_000 }

type Due = Pick<ClientOptions, 'rotateAfterDays' | 'evenIfNew'>

/** Whose keys they are, and where. */
export interface FolderSetting {
  readonly settings: KeySettings
  /** Where this client does not register itself. */
  readonly clientId: string | undefined
  readonly ports: Pick<Ports, 'fetch' | 'now'>
  readonly log: Logger
}

/** What the registration is used with. */
export type FolderPorts = Pick<Ports, 'fetch' | 'now' | 'log'>

/** Keeps keys, and where this client registers itself its registration, as they should be. */
export interface Settling {
  /** Nothing while the client is not registered yet, or has no name of its own. */
  clientId(): string | undefined
  /**
   * @param due how old a key may be, in days; 0 replaces it now
   * @returns why a rotation that was due failed, where the key before goes on
   * @throws RegistrationError
   */
  settle(due: Due): Promise<string | undefined>
  /** @throws RegistrationError; not for an identity provider that is away */
  settleIfPossible(days: number): Promise<void>
  /** Whether something waits for the identity provider, or it is time to look at how old the key is. */
  isDue(): Promise<boolean>
}

/** Does nothing yet. A client that was registered by an earlier start is known at once. */
export async function settlingOf(setting: FolderSetting, ports: FolderPorts): Promise<Settling> {
  const { settings, log } = setting
  const { options, isRegistered } = settings
  const announce = announcing(setting)
  let clientId = setting.clientId ?? (await storedClientId(options))
  let isUnsettled = true
  let settledAt = Number.NEGATIVE_INFINITY

  async function settle(due: Due): Promise<string | undefined> {
    const wanted: ClientOptions = { ...options, ...due, allowFailure: false, ...patience }
    if (isRegistered) {
      const registered = await ensureRegistered(wanted, ports)
      if (registered.outcome === 'skipped' || registered.outcome === 'failed') return registered.reason
      clientId = registered.clientId
      isUnsettled = (await folderKeys(options, ports)).waiting !== undefined
      return registered.rotationFailed
    }
    const kept = await keepKey(wanted, { clientId: setting.clientId, ...announce }, ports)
    isUnsettled = kept.waiting !== undefined
    return undefined
  }

  return {
    clientId: () => clientId,
    settle,
    async settleIfPossible(days) {
      try {
        await settle({ rotateAfterDays: days })
      } catch (error) {
        isUnsettled = isPassing(error)
        if (!isUnsettled) throw error
        log.warn({ err: error }, 'this client cannot be registered yet, and that is tried again')
      } finally {
        settledAt = ports.now()
      }
    },
    async isDue() {
      if (isUnsettled || ports.now() - settledAt >= dueEveryMs) return true
      // A command beside this process may have made one.
      return (await folderKeys(options, ports)).waiting !== undefined
    },
  }
}

/** Whether it may come right by itself. */
export const isPassing = (error: unknown): boolean =>
  error instanceof RegistrationError && ['IDP_UNREACHABLE', 'LOCKED', 'FROZEN'].includes(error.code)

/** By which the identity provider is told of a key set, where it is to be told. */
function announcing({ settings, ports, log }: FolderSetting) {
  if (!settings.notice) return {}
  const isByAddress = settings.options.jwksUri !== undefined
  const notice = noticing(settings.notice, { isByAddress, fetch: ports.fetch, log })
  return { announce: async (set: JwkSet) => (await notice(set)).hasAll }
}

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
