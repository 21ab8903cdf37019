import { readFile } from 'node:fs/promises'
import { ensureRegistered, type JwkSet, keepKey, RegistrationError } from '@rekey/registration'
import { pino } from 'pino'
import { keyOptions, noticeOf } from '../../config/client-keys.ts'
import { BffError } from '../../error.ts'
import { type Noticed, noticing } from './notice.ts'

/** What became of a rotation of the client's keys. */
export interface RotatedKeys {
  /** Of the key that signs now. */
  readonly kid: string
  readonly rotated: boolean
  /** The kid of a key that is published, and signs once the identity provider is known to have it: the backend finds that out. */
  readonly waiting: string | undefined
  /** Whether the identity provider said that it has the set. */
  readonly notified: boolean
  /** Why it was told and did not take the set; nothing where it has it, or nobody was to be told. */
  readonly refused?: string
}

/**
 * Replaces the key in the folder of `BFF_KEYS_DIR`, as a command beside the backend does: the new one is published first, and signs when
 * the identity provider is known to have it, because `IDP_DCR_URL` was told, or because the registration is this client's own. A key that
 * a rotation made less than ten minutes ago is not replaced again, but told once more. With `AUTO_KEY_ROTATION=0` it only makes sure that
 * there is one.
 *
 * @throws BffError `CONFIG_INVALID`; RegistrationError that says what somebody has to do
 */
export async function rotateKeys(
  env: NodeJS.ProcessEnv,
  ports: { fetch: typeof globalThis.fetch } = { fetch: globalThis.fetch },
): Promise<RotatedKeys> {
  if (!env.BFF_KEYS_DIR && !env.DCR_SIGNING_KEY) throw new BffError('CONFIG_INVALID', 'BFF_KEYS_DIR: which folder?')
  const given = keyOptions(env)
  const isOff = /^(0|false|no|off)$/i.test(env.AUTO_KEY_ROTATION?.trim() ?? '')
  const options = { ...given, allowFailure: false, ...(isOff ? {} : { rotateAfterDays: 0 }) }
  const notice = noticeOf(env)
  const stored = await storedClient(options.credentials)
  if (notice === undefined && stored?.isManaged === true && env.IDP_BASE_URL) {
    const ready = await ensureRegistered(options, ports)
    if (!('kid' in ready)) throw new RegistrationError('IDP_REFUSED', ready.reason)
    return { kid: ready.kid, rotated: ready.rotated, waiting: undefined, notified: true }
  }
  const log = pino(pino.destination({ dest: 2, sync: true }))
  const isByAddress = options.jwksUri !== undefined
  const told = announcing(notice && noticing(notice, { isByAddress, fetch: ports.fetch, log }))
  // Without its address nobody can ask the identity provider whether it accepts the key.
  const clientId = env.IDP_BASE_URL ? (stored?.clientId ?? env.DCR_CLIENT_ID ?? env.AUTH_CLIENT_ID) : undefined
  const kept = await keepKey(options, { clientId, ...told.how }, ports)
  const { kid, rotated, waiting } = kept
  if (notice === undefined) return { kid, rotated, waiting, notified: false }
  // Where nothing was replaced nobody was told yet.
  const notified = rotated || (waiting === undefined && (await told.announce(kept.jwks())))
  const why = notified ? undefined : told.why()
  return { kid, rotated, waiting, notified, ...(why === undefined ? {} : { refused: why }) }
}

/** The notice as the registration asks for it, and what came of the last one. */
function announcing(notice: ReturnType<typeof noticing> | undefined) {
  let last: Noticed | undefined
  const announce = async (set: JwkSet) => {
    last = await notice?.(set)
    return last?.hasAll === true
  }
  return {
    announce,
    how: notice === undefined ? {} : { announce },
    why: () => (last?.hasAll === false ? last.why : undefined),
  }
}

async function storedClient(path: string): Promise<{ clientId: string; isManaged: boolean } | undefined> {
  try {
    const stored = JSON.parse(await readFile(path, 'utf8'))
    return { clientId: String(stored.client_id), isManaged: typeof stored.registration_access_token === 'string' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new BffError('CONFIG_INVALID', 'BFF_CLIENT_CRED_PATH: the stored registration cannot be read', {
      cause: error,
    })
  }
}
