import { RegistrationError } from '../error.ts'
import type { Management, Seen } from '../provider/management.ts'
import { DAY_MS } from '../rotation/due.ts'
import type { Context } from './context.ts'
import type { Maintained } from './planned.ts'

/** A registration access token that is older is renewed even where nothing else is to be changed. */
const RENEWED_AFTER_DAYS = 30

/**
 * Gives the identity provider occasion to renew the registration access token, which it does only with a change: with each rotation, and when
 * the token is old. A client that only ever reads would find its token expired one day. A failure is told, not thrown: the token is good still.
 */
export async function renewed(
  context: Context,
  management: Management,
  seen: Seen,
  done: Maintained,
): Promise<Maintained> {
  if (management.hasChanged()) return done
  // The rotation of inline keys is a change already, be it one of an earlier start whose reply was lost.
  const isRotatedByAddress = done.outcome === 'rotated' && seen.metadata.jwks_uri !== undefined
  if (!isRotatedByAddress && !(await isOld(context, management))) return done
  try {
    await context.assertHeld()
    if ((await management.change(seen, sameIn(seen))) === undefined) return done
    // Whether another one came or not: an identity provider that does not renew them is not asked at every start.
    await management.store({ registration_access_token_at: Math.floor(context.ports.now() / 1000) })
  } catch (error) {
    if (!(error instanceof RegistrationError) || error.code === 'LOCKED') throw error
    context.ports.log(
      'warn',
      `The registration access token was not renewed (${error.code}); it is good until it expires. ${error.message}`,
    )
  }
  return { ...done, credentials: management.credentials() }
}

async function isOld({ folder, ports }: Context, management: Management): Promise<boolean> {
  const { registration_access_token_at: at } = management.credentials()
  const storedAt = at === undefined ? await folder.credentialsAt() : at * 1000
  return ports.now() - storedAt >= RENEWED_AFTER_DAYS * DAY_MS
}

/** A change that changes nothing. */
function sameIn({ metadata }: Seen): Record<string, unknown> {
  const name = ['jwks_uri', 'client_name', 'jwks'].find((member) => metadata[member] !== undefined)
  return name === undefined ? {} : { [name]: metadata[name] }
}
