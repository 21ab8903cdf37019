import { type VerifierOptions, verifierFromEnvironment } from '@rekey/verifier'
import { BffError } from '../error.ts'

const settings = [
  ...['ISSUER', 'AUDIENCE', 'JWKS_URL', 'HS256_SECRET', 'HS256_SECRET_FILE'],
  ...['ALGORITHMS', 'LEEWAY_SECONDS', 'TYP'],
]

/** The names of all variables that are read here. */
export const bearerVariables: readonly string[] = ['REKEY', 'FLUXLIT'].flatMap((prefix) =>
  settings.map((setting) => `${prefix}_JWT_${setting}`),
)

/**
 * How the one issuer is verified that REKEY_JWT_* name (or FLUXLIT_JWT_*): `ISSUER`, `AUDIENCE`, and either `JWKS_URL` or
 * `HS256_SECRET` (`new,old`, `file:/path`, `HS256_SECRET_FILE`).
 *
 * @returns nothing when none of them is set
 * @throws BffError `CONFIG_INVALID` naming all that is missing or contradictory, and no value
 */
export function environmentVerifier(env: NodeJS.ProcessEnv): VerifierOptions | undefined {
  if (!bearerVariables.some((name) => env[name]?.trim())) return undefined
  try {
    return verifierFromEnvironment(env)
  } catch (error) {
    if (error instanceof TypeError) throw new BffError('CONFIG_INVALID', error.message)
    throw error
  }
}
