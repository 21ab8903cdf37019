/**
 * The client's keys in a folder, which replicas share. Whoever signs looks at the file's name, place and time first: so a key that another
 * replica put there signs from the next request on, here too.
 */
import { stat } from 'node:fs/promises'
import { type ClientOptions, type FolderKeys, folderKeys, heldKey, type Ports } from '@rekey/registration'
import { every } from '@rekey/service'
import { BffError } from '../../error.ts'
import type { SigningKey } from '../credentials/keys.ts'
import type { ClientKeys, ShownKeys } from './client-keys.ts'
import { type FolderPorts, type FolderSetting, isPassing, type Settling, settlingOf } from './settle.ts'

const DAY_MS = 86_400_000
/** What waits for the identity provider is looked at so often. */
const lookEveryMs = 5_000

/**
 * Makes sure that there is a key, and where this client registers itself that it is registered.
 *
 * @throws RegistrationError that says what somebody has to do; not for an identity provider that is away: that is tried again
 */
export async function openKeyFolder(setting: FolderSetting): Promise<ClientKeys> {
  const { settings, log } = setting
  const { options } = settings
  const ports: FolderPorts = { ...setting.ports, log: (level, line) => log[level](line) }
  const settling = await settlingOf(setting, ports)
  await settleAtStart(settling, setting)
  // 0 stands for this start, and not for every hour.
  const later = options.rotateAfterDays === 0 ? 30 : options.rotateAfterDays
  const act = async () => {
    if (await settling.isDue()) await settling.settleIfPossible(later)
  }
  return {
    clientId: settling.clientId,
    current: watched(options, ports),
    published: async () => ({ keys: (await folderKeys(options, ports)).published }),
    shown: async () => shownKeys(await folderKeys(options, ports), options),
    rotate: () => rotateNow(settling, setting),
    close: every(lookEveryMs, act, (error) =>
      log.error({ err: error }, 'the keys of this client cannot be looked after'),
    ),
  }
}

async function settleAtStart(settling: Settling, { settings: { options }, log }: FolderSetting): Promise<void> {
  try {
    await settling.settleIfPossible(options.rotateAfterDays)
  } catch (error) {
    if (!options.allowFailure) throw error
    log.error({ err: error }, 'the registration of this client failed, and ALLOW_BOOTSTRAP_FAILURE lets it start')
  }
}

async function rotateNow(settling: Settling, { log }: FolderSetting): Promise<void> {
  const failed = await settling.settle({ rotateAfterDays: 0, evenIfNew: true }).catch((error) => {
    if (!isPassing(error)) throw error
    return error as Error
  })
  if (failed === undefined) return
  log.warn({ err: failed }, 'the key of this client could not be replaced; it goes on')
  throw new BffError('IDP_UNAVAILABLE', 'the identity provider cannot take a key at the moment')
}

function shownKeys({ signing, waiting, published, used }: FolderKeys, options: ClientOptions): ShownKeys {
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
