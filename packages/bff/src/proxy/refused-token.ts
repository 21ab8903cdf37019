import type { IncomingHttpHeaders } from 'node:http'

/** RFC 6750 §3.1: the token is over, revoked or none, and the client may ask for another one and try again. */
export function refusesToken({ statusCode, headers }: { statusCode: number; headers: IncomingHttpHeaders }): boolean {
  const challenges = [headers['www-authenticate'] ?? []].flat()
  return (
    statusCode === 401 && challenges.some((text) => /\bbearer\b/i.test(text) && /\berror="?invalid_token\b/i.test(text))
  )
}
