/** Cookies as this BFF sets them. */
import { parseCookie, stringifySetCookie } from 'cookie'
import type { FastifyRequest } from 'fastify'

/** In https a cookie by this name was set by this very host, whatever its neighbours in the domain do (RFC 6265bis §4.1.3.2). */
export function cookieName(publicUrl: string, name: string): string {
  return isSecure(publicUrl) ? `__Host-${name}` : name
}

/** What the browser bears, by the names that it has in the browser. */
export function cookiesOf({ headers }: Pick<FastifyRequest, 'headers'>): Readonly<Record<string, string | undefined>> {
  return headers.cookie === undefined ? {} : parseCookie(headers.cookie)
}

/** A Set-Cookie line. Lax, because users come back from the identity provider and from links. */
export function setCookie(publicUrl: string, name: string, value: string, maxAgeMs: number): string {
  return stringifySetCookie({
    name: cookieName(publicUrl, name),
    value,
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure: isSecure(publicUrl),
    maxAge: Math.max(0, Math.floor(maxAgeMs / 1_000)),
  })
}

export function clearCookie(publicUrl: string, name: string): string {
  return setCookie(publicUrl, name, '', 0)
}

const isSecure = (publicUrl: string) => publicUrl.startsWith('https:')
