import { VerifyError } from '../error.ts'

/** How a refused request is answered. */
export interface Refusal {
  readonly status: 401 | 503
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly code: string; readonly message: string }
}

const RETRY_AFTER_SECONDS = '1'

/** RFC 6750 §3.1: no error code when the request carried no token at all. */
function challenge(code: string, message: string): string {
  return code === 'token_missing' ? 'Bearer' : `Bearer error="invalid_token", error_description="${message}"`
}

/** Maps a VerifyError to HTTP; anything else is a defect and is thrown on. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof VerifyError)) throw error
  const { code, message } = error
  const body = { code, message }
  if (code === 'trust_unavailable' || code === 'verifier_closed') {
    return {
      status: 503,
      headers: { 'retry-after': RETRY_AFTER_SECONDS },
      body: { code: 'trust_unavailable', message },
    }
  }
  return { status: 401, headers: { 'www-authenticate': challenge(code, message) }, body }
}
