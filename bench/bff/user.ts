/** What a browser does when somebody logs in, and keeps. */
export interface User {
  /** For the header of each request; a newer cookie takes its place. */
  cookie: string
  /** For whatever changes something. */
  readonly csrf: string
}

const mostHops = 10

/** Logs somebody in at a backend for frontend. @throws Error where he is not in at the end */
export async function logIn(bff: string): Promise<User> {
  const cookies = new Map<string, Map<string, string>>()
  const cookiesFor = ({ host }: URL) =>
    [...(cookies.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
  let url = new URL('/auth/login?return_to=/', bff)
  for (let hop = 0; hop < mostHops; hop += 1) {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: cookiesFor(url), 'user-agent': userAgent },
    })
    await response.arrayBuffer()
    keep(cookies, url, response.headers.getSetCookie())
    const location = response.headers.get('location')
    if (location === null) break
    url = new URL(location, url)
    if (url.origin === bff && url.pathname === '/') break
  }
  const cookie = cookiesFor(new URL(bff))
  const session = await fetch(new URL('/auth/session', bff), { headers: { cookie, 'user-agent': userAgent } })
  const text = await session.text()
  if (session.status !== 200) throw new Error(`nobody is logged in: ${session.status} ${text}`)
  return { cookie, csrf: (JSON.parse(text) as { csrf_token: string }).csrf_token }
}

/** A session is bound to the browser that began it. */
export const userAgent = 'bench'

function keep(cookies: Map<string, Map<string, string>>, { host }: URL, lines: readonly string[]): void {
  const jar = cookies.get(host) ?? new Map<string, string>()
  cookies.set(host, jar)
  for (const line of lines) {
    const [pair = ''] = line.split(';', 1)
    const [name = ''] = pair.split('=', 1)
    const value = pair.slice(name.length + 1)
    if (value === '') jar.delete(name)
    else jar.set(name, value)
  }
}
