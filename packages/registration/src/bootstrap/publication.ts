import { textOf } from '../body.ts'
import { causeOf } from '../error.ts'
import { jsonOf } from '../json.ts'
import { type Jwk, keysOf } from '../keys/jwk.ts'
import type { Context } from './context.ts'
import { planned } from './planned.ts'
import type { Signing } from './signing.ts'

/** What the file holds that the service serves; undefined where there is none. */
export async function writtenKeys({ folder }: Context): Promise<readonly Jwk[] | undefined> {
  return keysOf(await folder.published())
}

// Whoever answers at that address must not fill this process or stop it: what is longer is no key set, the time is for all of it.
const MOST_BYTES = 64_000
const TIMEOUT_MS = 2_000

/** What is served now; undefined while the service cannot be reached, which is usual before it is up. */
export async function servedKeys(
  { ports }: Pick<Context, 'ports'>,
  uri: string,
  timeoutMs = TIMEOUT_MS,
): Promise<readonly Jwk[] | undefined> {
  try {
    const response = await ports.fetch(uri, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
    const text = await textOf(response, MOST_BYTES)
    return response.ok ? keysOf(jsonOf(text)) : undefined
  } catch (error) {
    ports.log('info', `DCR_JWKS_URI does not answer as it should yet (${causeOf(error)}).`)
    return undefined
  }
}

/**
 * The set as a new registration needs it: with the key beside these.
 * @throws RegistrationError TOO_MANY_KEYS
 */
export async function setWith(context: Context, signing: Signing, before: readonly Jwk[]): Promise<readonly Jwk[]> {
  const { keys = before } = await planned(context, before, { metadata: {}, etag: undefined }, signing)
  return keys
}
