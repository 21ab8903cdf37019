import { RegistrationError, type RegistrationErrorCode } from '../error.ts'
import type { Jwk } from '../keys/jwk.ts'
import { type Management, redirectUrisIn, type Seen } from '../provider/management.ts'
import { planRedirects } from '../rotation/redirects.ts'
import type { Context } from './context.ts'
import type { Maintained } from './planned.ts'
import { kidIn, type Signing } from './signing.ts'

const BORNE: readonly RegistrationErrorCode[] = [
  'FROZEN',
  'IDP_UNREACHABLE',
  'IDP_REFUSED',
  'METADATA_REFUSED',
  'TOO_MANY_KEYS',
]

/**
 * What is left after a rotation that failed: the service goes on by its key where that is registered and good. The failure is told, not
 * thrown: a start during an incident must not become an outage of its own.
 * @throws what was caught where that is no such failure
 */
export async function unrotated(
  context: Context,
  management: Management,
  seen: Seen,
  known: readonly Jwk[],
  signing: Signing,
  error: unknown,
): Promise<Maintained> {
  const { folder, ports } = context
  const current = signing.isNext ? await folder.key() : undefined
  const kid = current && kidIn(known, current)
  if (!(error instanceof RegistrationError) || current === undefined || kid === undefined) throw error
  if (!isBorne(context, seen, error.code)) throw error
  ports.log(
    'warn',
    `The key was not rotated (${error.code}); the service goes on by ${kid}, which is registered. ${error.message}`,
  )
  return {
    credentials: management.credentials(),
    signing: { key: current, kid, isNext: false, promoted: false },
    keys: known,
    outcome: 'unchanged',
    reasons: [`not rotated (${error.code}): ${error.message}`],
    rotationFailed: error.code,
  }
}

function isBorne({ options }: Context, seen: Seen, code: RegistrationErrorCode): boolean {
  // Whoever asked for it at this very start, say because the key is known to others, has to hear that there is no room.
  if (code === 'TOO_MANY_KEYS' && options.rotateAfterDays === 0) return false
  // Without a redirect URI that was to be registered the service would not work as it should.
  const redirects = planRedirects(options.redirectMode, options.redirectUris, redirectUrisIn(seen))
  return BORNE.includes(code) && redirects === undefined
}
