import { type VerifierOptions, verifierFromEnvironment } from '@rekey/verifier'
import { BffError } from '../error.ts'

const isOfVerifier =
  /^(REKEY|FLUXLIT)_JWT_(ISSUER|AUDIENCE|HS256_SECRET|HS256_SECRET_FILE|JWKS_URL|LEEWAY_SECONDS|ALGORITHMS|TYP)$/

/**
 * How the one issuer is verified that REKEY_JWT_* name (or FLUXLIT_JWT_*): `ISSUER`, `AUDIENCE`, and either `JWKS_URL` or
 * `HS256_SECRET` (`new,old`, `file:/path`, `HS256_SECRET_FILE`).
 *
 * @returns nothing when none of them is set
 * @throws BffError `CONFIG_INVALID` naming all that is missing or contradictory, and no value
 */
export function environmentVerifier(env: NodeJS.ProcessEnv): VerifierOptions | undefined {
  if (!Object.entries(env).some(([name, value]) => isOfVerifier.test(name) && value?.trim())) return undefined
  try {
    return verifierFromEnvironment(env)
  } catch (error) {
    if (error instanceof TypeError) throw new BffError('CONFIG_INVALID', error.message)
    throw error
  }
}
