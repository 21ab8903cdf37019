/** The client that asks every contestant, and what it asks for. */
export const CLIENT_ID = 'bench-agent'
export const CLIENT_SECRET = `sk_live_${'b'.repeat(43)}`
export const SCOPE = 'hello:read'
export const AUDIENCE = 'urn:rekey:api'
export const TOKEN_LIFETIME_SECONDS = 3600

/** RFC 6749 section 2.3.1: both halves are form-encoded before they are joined. */
export function basicAuthorization(clientId: string, clientSecret: string): string {
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}
