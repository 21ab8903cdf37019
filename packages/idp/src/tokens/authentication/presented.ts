import type { ClientCredential } from '../agents/credentials.ts'
import { matchesHash, nobodysHash } from '../agents/secret.ts'
import { OAuthError } from '../error.ts'

/** What a client presented, not yet checked. */
export interface PresentedCredential {
  clientId: string
  secret: string
}

/**
 * Reads client_secret_basic or client_secret_post (RFC 6749 §2.3.1).
 *
 * @throws OAuthError `invalid_client` when there is none or it is malformed, `invalid_request` when both ways are used
 */
export function presentedCredential(
  authorization: string | undefined,
  form: Readonly<Record<string, string | undefined>>,
): PresentedCredential {
  const { client_id: clientId, client_secret: secret } = form
  if (authorization !== undefined) {
    const basic = basicCredential(authorization)
    if (!basic) throw new OAuthError('invalid_client', 'the Authorization header is no Basic credential')
    if (secret !== undefined) throw new OAuthError('invalid_request', 'authenticate in one way, not in two')
    if (clientId !== undefined && clientId !== basic.clientId) {
      throw new OAuthError('invalid_request', 'client_id is not the client that authenticates')
    }
    return basic
  }
  if (!clientId || !secret) throw new OAuthError('invalid_client', 'no client credential was given')
  if (!isPrintable(clientId)) throw new OAuthError('invalid_client', 'client authentication failed')
  return { clientId, secret }
}

/** @returns `undefined` for anything that is not a well-formed Basic credential (RFC 7617, with RFC 6749's encoding) */
export function basicCredential(authorization: string): PresentedCredential | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  if (!encoded) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  const clientId = formDecoded(text.slice(0, colon))
  const secret = formDecoded(text.slice(colon + 1))
  return clientId && secret && isPrintable(clientId) ? { clientId, secret } : undefined
}

/**
 * Checks a client's secret. A client that is unknown, one whose credential has expired and a wrong secret get the same
 * answer.
 *
 * @throws OAuthError `invalid_client`
 */
export function authenticateClient(
  presented: PresentedCredential,
  credential: ClientCredential | undefined,
  now: number,
): ClientCredential {
  const matches = matchesHash(presented.secret, credential?.secretHash ?? nobodysHash)
  if (!credential || !matches || (credential.expiresAt !== null && credential.expiresAt <= now)) {
    throw new OAuthError('invalid_client', 'client authentication failed')
  }
  return credential
}

/** RFC 6749 §A.1: client ids are visible characters. Anything else is nobody's, and PostgreSQL refuses some of it. */
function isPrintable(clientId: string): boolean {
  return /^[\x20-\x7e]{1,200}$/.test(clientId)
}

function formDecoded(text: string): string | undefined {
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // A malformed escape is the caller's mistake, reported like any other credential that is none.
    return undefined
  }
}
