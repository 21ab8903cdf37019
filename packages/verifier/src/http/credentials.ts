import { VerifyError } from '../error.ts'

/** A token and the scheme it was sent with. */
export interface Credentials {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
}

/** No token contains a comma: this is a second `Authorization` field that was joined to the first. */
const SECOND_CREDENTIALS = /,\s*(?:bearer|dpop)(?:\s|$)/i

/**
 * The token of an `Authorization` header (RFC 6750 §2.1, RFC 9449 §7.1); `authorization` holds all fields of that name,
 * joined by commas. Another scheme counts as no token; tokens in query strings or forms are never read, since both end
 * up in logs. Who sends two is refused: the proxy before us may have looked at the other one.
 */
export function credentialsOf(authorization: string | undefined): Credentials {
  if (SECOND_CREDENTIALS.test(authorization ?? '')) throw new VerifyError('credentials_ambiguous')
  const match = /^(bearer|dpop)(?: +(.*))?$/is.exec(authorization ?? '')
  const token = match?.[2]?.trim()
  if (!token) throw new VerifyError('token_missing')
  return { scheme: match?.[1]?.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', token }
}
