import { dirname, resolve } from 'node:path'
import type { Ready } from '../ensure.ts'
import { RegistrationError } from '../error.ts'
import type { Credentials } from '../files/credentials.ts'
import { folderOf } from '../files/folder.ts'
import { acquire, type Lock } from '../files/lock.ts'
import type { Jwk } from '../keys/jwk.ts'
import type { ClientOptions } from '../options/client-options.ts'
import type { Ports } from '../ports.ts'
import { discover } from '../provider/addresses.ts'
import { authenticates } from '../provider/assertion.ts'
import { keysIn } from '../provider/management.ts'
import { sender } from '../provider/request.ts'
import type { Context } from './context.ts'
import { type Earlier, earlierOf, earlierOfGone } from './earlier.ts'
import { maintain } from './maintain.ts'
import { markOf, register } from './register.ts'
import { publicJwk } from './signing.ts'

/** One start, alone on its folders. */
export function bootstrap(options: ClientOptions, ports: Ports): Promise<Ready> {
  return withFolder(options, ports, start)
}

/** Does something while no other process changes these folders. */
export async function withFolder<T>(
  options: ClientOptions,
  ports: Ports,
  act: (context: Context) => Promise<T>,
): Promise<T> {
  const folder = folderOf(options, ports.files)
  const keyBefore = (await folder.key())?.thumbprint
  const locks = await lock(options, ports)
  const assertHeld = async () => {
    for (const held of locks) await held.assertHeld()
  }
  try {
    return await act({ options, ports, folder, send: sender(ports, options), keyBefore, assertHeld })
  } finally {
    for (const held of locks) await held.release()
  }
}

// The credentials may lie on another volume, shared by others than the key is. Always the same order, or two would wait for each other.
async function lock({ signingKey, credentials }: ClientOptions, { lockTimes }: Ports): Promise<Lock[]> {
  const together = dirname(resolve(signingKey)) === dirname(resolve(credentials))
  const paths = together ? [signingKey] : [signingKey, credentials].sort()
  const locks: Lock[] = []
  try {
    for (const path of paths) locks.push(await acquire(path, lockTimes))
    return locks
  } catch (error) {
    for (const held of locks) await held.release()
    throw error
  }
}

async function start(context: Context): Promise<Ready> {
  const { folder, options } = context
  const stored = await folder.credentials()
  if (stored === undefined || isReplaced(options, stored)) return anew(context, stored, earlierOf(context, stored))
  try {
    return await kept(context, stored)
  } catch (error) {
    if (!(await mayRegisterAgain(context, stored, error))) throw error
    context.ports.log('warn', 'The identity provider no longer knows this client; it is registered anew with DCR_IAT.')
    const earlier = isReplacement(context, error) ? earlierOf(context, stored) : earlierOfGone(context)
    return anew(context, undefined, earlier)
  }
}

/** A forced replacement happens once for each initial access token, whatever restarts there are. */
function isReplaced({ forceReplace, initialAccessToken }: ClientOptions, stored: Credentials): boolean {
  return forceReplace && (initialAccessToken === undefined || stored.replaced_with !== markOf(initialAccessToken))
}

/** What is there lives on perhaps, and only nobody here can look after it any more. */
const isReplacement = ({ options }: Context, error: unknown): boolean =>
  options.forceReplace && error instanceof RegistrationError && error.code === 'RAT_INVALID'

async function mayRegisterAgain(context: Context, stored: Credentials, error: unknown): Promise<boolean> {
  const { options } = context
  if (!(error instanceof RegistrationError) || options.initialAccessToken === undefined) return false
  if (error.code === 'CLIENT_GONE') return true
  if (error.code !== 'RAT_INVALID') return false
  return isReplacement(context, error) || (await isForgotten(context, stored))
}

// RFC 7592 has a deleted client's token answered with 401, as a lost one is: what the client's key is worth tells the two apart.
async function isForgotten({ options, folder, send, ports }: Context, stored: Credentials): Promise<boolean> {
  const key = await folder.key()
  if (key === undefined) return false
  const addresses = await discover(send, options.idpUrl)
  const used = (await folder.used()).findLast(({ thumbprint }) => thumbprint === key.thumbprint)
  const client = { clientId: stored.client_id, kid: used?.kid ?? stored.kid ?? options.kid, key }
  return (await authenticates(send, addresses, client, ports.now())) === false
}

async function anew(context: Context, replaced: Credentials | undefined, earlier: Promise<Earlier>): Promise<Ready> {
  const { credentials, signing, metadata, served } = await register(context, replaced, await earlier)
  const inline = keysIn({ metadata, etag: undefined })
  // Not every identity provider repeats the keys.
  const keys = served ?? (inline.length > 0 ? inline : [publicJwk(signing)])
  if (served === undefined) await context.folder.publish({ keys })
  return ready(context, credentials, 'registered', signing.kid, keys, ['registered'])
}

async function kept(context: Context, stored: Credentials): Promise<Ready> {
  const { credentials, signing, keys, outcome, reasons, rotationFailed } = await maintain(context, stored)
  // A crash after the credentials were stored leaves the request behind that brought them.
  if ((await context.folder.pending()) !== undefined) await context.folder.endPending()
  if (JSON.stringify(await context.folder.published()) !== JSON.stringify({ keys }))
    await context.folder.publish({ keys })
  const found = ready(context, credentials, outcome, signing.kid, keys, reasons)
  return rotationFailed === undefined ? found : { ...found, rotationFailed }
}

function ready(
  { options }: Context,
  { client_id }: Credentials,
  outcome: Ready['outcome'],
  kid: string,
  keys: readonly Jwk[],
  reasons: readonly string[],
): Ready {
  return {
    outcome,
    clientId: client_id,
    kid,
    key: options.signingKey,
    credentials: options.credentials,
    rotated: outcome === 'registered' || outcome === 'rotated',
    reasons,
    jwks: () => ({ keys }),
  }
}
