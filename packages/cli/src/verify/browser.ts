import { noReply } from '../client/reach.ts'
import { CliError, messageOf } from '../error.ts'

/** A page, or another reply, and where it was found in the end. */
export interface Visited {
  url: URL
  status: number
  headers: Headers
  text: string
  /** Every address on the way that led on, the first one first. */
  hops: readonly URL[]
}

interface Cookie {
  name: string
  value: string
  host: string
  path: string
}

const mostHops = 15
// A session is bound to the browser that began it.
const userAgent = 'rekey-verify'

/** As much of a browser as a login takes: cookies, and redirects that are followed. */
export class Browser {
  readonly #fetch: typeof globalThis.fetch
  readonly #replyWithinMs: number
  #cookies: Cookie[] = []

  constructor(fetch: typeof globalThis.fetch, replyWithinMs = 10_000) {
    this.#fetch = fetch
    this.#replyWithinMs = replyWithinMs
  }

  /** @throws CliError `UNREACHABLE`, and `FAILED` where redirects do not end */
  async visit(address: URL | string, init: RequestInit = {}): Promise<Visited> {
    const hops: URL[] = []
    let url = new URL(address)
    let next = init
    for (;;) {
      const response = await this.send(url, next)
      const onwards = response.headers.get('location')
      if (!isRedirect(response.status) || onwards === null) return { ...response, url, hops }
      if (hops.push(url) > mostHops) throw new CliError('FAILED', `${url.origin} redirects for ever`)
      url = new URL(onwards, url)
      // As browsers do after a form (RFC 9110 §15.4.4).
      next = {}
    }
  }

  /** One request, whose redirect is not followed. @throws CliError `UNREACHABLE` */
  async send(url: URL, init: RequestInit = {}): Promise<Omit<Visited, 'url' | 'hops'>> {
    const headers = new Headers(init.headers)
    headers.set('user-agent', userAgent)
    if (!headers.has('accept')) headers.set('accept', 'text/html, application/json')
    const cookies = this.#cookiesFor(url)
    if (cookies !== '') headers.set('cookie', cookies)
    const signal = AbortSignal.timeout(this.#replyWithinMs)
    try {
      const response = await this.#fetch(url, { ...init, headers, redirect: 'manual', signal })
      this.#keep(url, response.headers.getSetCookie())
      return { status: response.status, headers: response.headers, text: await response.text() }
    } catch (cause) {
      if (signal.aborted) throw noReply(init.method, url, this.#replyWithinMs)
      throw new CliError('UNREACHABLE', `${url.origin} cannot be reached: ${messageOf(cause)}`, {}, { cause })
    }
  }

  /** RFC 6265 §5.4: ports do not matter. */
  #cookiesFor({ hostname, pathname }: URL): string {
    return this.#cookies
      .filter(({ host, path }) => host === hostname && isBelow(pathname, path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  #keep({ hostname, pathname }: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const [name, value] = halves(pair)
      const said = new Map(attributes.map((attribute) => halves(attribute)).map(([key, of]) => [key.toLowerCase(), of]))
      const path = said.get('path') || pathname.replace(/\/[^/]*$/, '') || '/'
      this.#cookies = this.#cookies.filter((held) => held.name !== name || held.host !== hostname || held.path !== path)
      if (!isOver(said)) this.#cookies.push({ name, value, host: hostname, path })
    }
  }
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

function halves(text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** Whoever takes a cookie back lets it end in the past. */
function isOver(said: ReadonlyMap<string, string>): boolean {
  const age = said.get('max-age')
  if (age !== undefined) return Number(age) <= 0
  const expires = said.get('expires')
  return expires !== undefined && Date.parse(expires) <= 0
}
