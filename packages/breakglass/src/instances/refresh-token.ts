import { type Environment, newestSecret, VerifyError } from '@rekey/verifier'
import { BreakGlassError } from '../error.ts'

const VARIABLE = 'INTERNAL_JWKS_REFRESH_TOKEN'

/**
 * What the internal endpoints of APIs ask for, by the variables that the APIs themselves read it from: INTERNAL_JWKS_REFRESH_TOKEN
 * (`new,old`, or `file:/path`) or the file that INTERNAL_JWKS_REFRESH_TOKEN_FILE names. Of several it is the newest, which they
 * know, or know beside an older one.
 *
 * @returns the secret as it stands there now; undefined where none is set
 * @throws BreakGlassError `PLAN_INVALID`, naming the variable
 */
export function refreshTokenOf(env: Environment): string | undefined {
  try {
    return newestSecret(env, VARIABLE)
  } catch (error) {
    const { message, cause } = error as Error
    throw new BreakGlassError(
      'PLAN_INVALID',
      message,
      { path: VARIABLE },
      error instanceof VerifyError ? { cause } : {},
    )
  }
}
