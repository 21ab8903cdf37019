/** A token in form only: enough for code that reads claims without verifying them. */
export function unsignedToken(kid: string, expiresAt: number, jti = ''): string {
  const parts = [
    { alg: 'ES256', kid },
    { exp: Math.floor(expiresAt / 1000), jti },
  ]
  return [...parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')), 'c2ln'].join('.')
}
