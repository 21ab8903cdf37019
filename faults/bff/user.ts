/** Somebody at a browser without scripts. */
import { cutHeader } from './balancer.ts'

export interface Account {
  readonly username: string
  readonly password: string
}

/** A reply, or none. Times are milliseconds since the epoch. */
export interface Reply {
  readonly status: number
  readonly text: string
  /** Where redirects ended. */
  readonly url: URL
  readonly sentAt: number
  readonly at: number
  /** Was a request on the way cut off at a replica? */
  readonly cut: boolean
}

const mostHops = 12
const answerWithinMs = 30_000

export class User {
  readonly account: Account
  readonly #bff: string
  /** By origin, then by name. */
  readonly #jars = new Map<string, Map<string, string>>()

  constructor(bff: string, account: Account) {
    this.account = account
    this.#bff = bff
  }

  /** What a replica is sent. */
  get cookie(): string {
    return this.#cookies(new URL(this.#bff))
  }

  get userAgent(): string {
    return `browser of ${this.account.username}`
  }

  /** The cookie of the session begins with the version that sealed it. */
  get sealedBy(): string | undefined {
    const [, value] = /(?:^|; )bff_session=([^.]+)\./.exec(this.cookie) ?? []
    return value
  }

  forgetSession(): void {
    this.#jars.delete(this.#bff)
  }

  /** One request to the backend for frontend, whose redirect is not followed. */
  ask(method: string, path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.#once(new URL(path, this.#bff), { method, headers })
  }

  /** The reply to a GET as it comes in. */
  open(path: string, signal: AbortSignal): Promise<Response> {
    return this.#fetch(new URL(path, this.#bff), { signal })
  }

  /** Begins a login, fills in the form where there is one, and follows redirects to their end. */
  async logIn(returnTo: string): Promise<Reply> {
    const first = await this.#follow(new URL(`/auth/login?return_to=${returnTo}`, this.#bff), {})
    const form = formIn(first)
    if (form === undefined) return first
    const body = new URLSearchParams({ ...form.hidden, ...this.account })
    const last = await this.#follow(form.action, { method: 'POST', body })
    return { ...last, sentAt: first.sentAt, cut: first.cut || last.cut }
  }

  async #follow(address: URL, init: RequestInit): Promise<Reply> {
    let reply = await this.#once(address, init)
    const { sentAt } = reply
    let cut = reply.cut
    for (let hops = 0; reply.status >= 301 && reply.status <= 303 && hops < mostHops; hops += 1) {
      reply = await this.#once(reply.url, {})
      cut ||= reply.cut
    }
    return { ...reply, sentAt, cut }
  }

  /** Status 0 where nobody answered. The URL is where a redirect leads, or what was asked. */
  async #once(url: URL, init: RequestInit): Promise<Reply> {
    const sentAt = Date.now()
    try {
      const response = await this.#fetch(url, { signal: AbortSignal.timeout(answerWithinMs), ...init })
      const text = await response.text()
      const location = response.headers.get('location')
      const cut = response.headers.has(cutHeader)
      return { status: response.status, text, url: new URL(location ?? url, url), sentAt, at: Date.now(), cut }
    } catch (error) {
      return { status: 0, text: String((error as Error).cause ?? error), url, sentAt, at: Date.now(), cut: true }
    }
  }

  async #fetch(url: URL, init: RequestInit): Promise<Response> {
    const headers = { 'user-agent': this.userAgent, cookie: this.#cookies(url), ...(init.headers as object) }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    this.#keep(url, response.headers.getSetCookie())
    return response
  }

  #cookies({ origin }: URL): string {
    return [...(this.#jars.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  #keep({ origin }: URL, lines: readonly string[]): void {
    const jar = this.#jars.get(origin) ?? new Map<string, string>()
    this.#jars.set(origin, jar)
    for (const line of lines) {
      const [pair = ''] = line.split(';', 1)
      const [name = ''] = pair.split('=', 1)
      const value = pair.slice(name.length + 1)
      if (value === '' || /max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
  }
}

function formIn({ text, url }: Reply): { action: URL; hidden: Record<string, string> } | undefined {
  const [, action, content = ''] = /<form method="post" action="([^"]+\/login)">(.*?)<\/form>/s.exec(text) ?? []
  if (action === undefined) return undefined
  const inputs = [...content.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  return { action: new URL(action, url), hidden: Object.fromEntries(inputs.map(([, name, value]) => [name, value])) }
}
