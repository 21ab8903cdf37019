import { VerifyError } from '../error.ts'

/**
 * The token of an `Authorization` header (RFC 6750 §2.1). Another scheme counts as no token; tokens in query strings
 * or forms are never read, since both end up in logs.
 */
export function bearerToken(authorization: string | undefined): string {
  const match = /^bearer(?: +(.*))?$/is.exec(authorization ?? '')
  if (match === null) throw new VerifyError('token_missing')
  const token = match[1]?.trim()
  if (!token) throw new VerifyError('token_missing')
  return token
}
