import type { Credential } from '../estate/document.ts'
import type { Instances } from './instances.ts'
import { reach } from './reach.ts'
import { refusalOf } from './refusal.ts'

/** What the token endpoint answers (RFC 6749, 5.1). `expires_in` is seconds. */
export interface TokenReply {
  access_token: string
  token_type: string
  expires_in: number
  scope?: string
}

/** RFC 6749, 2.3.1: id and secret are form-encoded before they are joined. */
export function basic(credential: Credential): string {
  const encode = (part: string) => new URLSearchParams({ '': part }).toString().slice(1)
  const pair = `${encode(credential.clientId)}:${encode(credential.clientSecret)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

/** The body of a client_credentials request, with the scope if one is asked for. */
export function tokenForm(scope?: string): string {
  return new URLSearchParams({ grant_type: 'client_credentials', ...(scope ? { scope } : {}) }).toString()
}

/** Asks one instance of the IdP for an access token. @throws CliError `UNREACHABLE`, `REFUSED` or `FAILED` */
async function requestToken(
  fetch: typeof globalThis.fetch,
  idp: string,
  credential: Credential,
  scope?: string,
): Promise<TokenReply> {
  const reply = await reach(fetch, `${idp}/api/v1/token`, {
    method: 'POST',
    headers: { authorization: basic(credential), 'content-type': 'application/x-www-form-urlencoded' },
    body: tokenForm(scope),
  })
  if (!reply.ok) throw refusalOf(reply.status, reply.text, 'no token was issued')
  return JSON.parse(reply.text) as TokenReply
}

/** The same of whichever instance serves. */
export async function requestTokenOfAny(
  fetch: typeof globalThis.fetch,
  instances: Instances,
  credential: Credential,
  scope?: string,
): Promise<TokenReply> {
  return await instances.ask({ mayRepeat: () => true, of: (idp) => requestToken(fetch, idp, credential, scope) })
}
