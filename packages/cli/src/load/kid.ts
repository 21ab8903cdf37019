/**
 * The `kid` and the expiry (milliseconds since the Unix epoch) that a token claims. Nothing is verified: only for choosing
 * what to send.
 */
export function decodeUnverified(token: string): { kid: string; expiresAt: number } {
  const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  const { kid } = JSON.parse(header ?? '') as { kid?: string }
  const { exp } = JSON.parse(payload ?? '') as { exp?: number }
  if (typeof kid !== 'string' || typeof exp !== 'number') throw new TypeError('not a signed token with kid and exp')
  return { kid, expiresAt: exp * 1000 }
}
