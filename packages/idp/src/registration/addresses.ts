import type { Config } from '../config.ts'
import { OAuthError, type OAuthErrorCode } from '../error.ts'
import type { GivenMetadata } from './metadata.ts'

/** Pages that users are shown, and where users or this server go. */
const pages = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'initiate_login_uri'] as const
const called = ['jwks_uri', 'backchannel_logout_uri'] as const
const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Judges the addresses of a client's metadata. None of them is called here.
 *
 * @throws OAuthError `invalid_redirect_uri`, `invalid_client_metadata`
 */
export function requireGoodAddresses(metadata: GivenMetadata, { outboundAllowed }: Config['oidc']): void {
  const isNative = metadata.application_type === 'native'
  requireRedirects('redirect_uris', 'invalid_redirect_uri', metadata.redirect_uris, isNative)
  requireRedirects('post_logout_redirect_uris', 'invalid_client_metadata', metadata.post_logout_redirect_uris, isNative)
  for (const member of pages) requireWeb(member, metadata[member], () => false)
  for (const member of called) {
    requireWeb(member, metadata[member], ({ host, hostname }) =>
      [host, hostname].some((each) => outboundAllowed.includes(each)),
    )
  }
  if (metadata.sector_identifier_uri !== undefined) {
    throw new OAuthError('invalid_client_metadata', 'sector_identifier_uri: subjects are public here; leave it out')
  }
}

function requireRedirects(
  member: string,
  code: OAuthErrorCode,
  given: readonly string[] = [],
  isNative: boolean,
): void {
  for (const [index, text] of given.entries()) {
    const url = read(text)
    const why = url ? faultOf(text, url, isNative) : 'is no absolute URI'
    if (why !== undefined) throw new OAuthError(code, `${member}: number ${index + 1} of ${given.length} ${why}`)
  }
}

function faultOf(text: string, url: URL, isNative: boolean): string | undefined {
  // RFC 6749 §3.1.2; an empty fragment is one as well, and `hash` does not show it.
  if (text.includes('#')) return 'has a fragment'
  if (text.includes('*')) return 'has a wildcard: addresses are compared literally'
  if (url.username !== '' || url.password !== '') return 'has a user or password'
  if (url.protocol === 'https:') return undefined
  if (url.protocol === 'http:') return loopback.has(url.hostname) ? undefined : 'is not https'
  // RFC 8252 §7.1: one with a dot is named after a domain, and so is its owner's.
  return isNative && url.protocol.includes('.') ? undefined : 'is neither https nor on a loopback address'
}

function requireWeb(member: string, text: string | undefined, isAllowed: (url: URL) => boolean): void {
  if (text === undefined) return
  const url = read(text)
  const isGood = url?.protocol === 'https:' || (url?.protocol === 'http:' && isAllowed(url))
  if (url && isGood && url.username === '' && url.password === '' && !text.includes('#')) return
  throw new OAuthError('invalid_client_metadata', `${member}: use an https address without user, password and fragment`)
}

function read(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
