import { VerifyError } from '../error.ts'

/** A token and the scheme it was sent with. */
export interface Credentials {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
}

/** The scheme of an `Authorization` header, where it is one that tokens are sent with. */
export function schemeOf(authorization: string | undefined): Credentials['scheme'] | undefined {
  const name = /^(bearer|dpop)(?: |$)/i.exec(authorization ?? '')?.[1]
  return name?.toLowerCase() as Credentials['scheme'] | undefined
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
  const scheme = schemeOf(authorization)
  const token = authorization?.slice(scheme?.length).trim()
  if (scheme === undefined || !token) throw new VerifyError('token_missing')
  return { scheme, token }
}
