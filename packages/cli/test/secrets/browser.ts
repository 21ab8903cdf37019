/** A browser without scripts: it keeps cookies for each origin, follows redirects from one to another, and sends forms. */

export interface Page {
  status: number
  url: URL
  headers: Headers
  text: string
}

export interface Sent {
  method?: string
  headers?: Record<string, string>
  body?: string | URLSearchParams
}

/** Where a request goes, and what a proxy on its way adds. */
export interface Way {
  url: URL
  headers?: Record<string, string>
}

/** Of the identity provider: which of its pages a browser is at. It opens nothing without the signature, which is a cookie too. */
const isNamedInPaths = /^rekey_(interaction|resume)$/

export class Browser {
  /** Every address that it was sent to. */
  readonly urls: string[] = []
  /** Every cookie that it was told to keep, with its attributes. */
  readonly setCookies: string[] = []
  /** Every value of a cookie that it was ever given. */
  readonly cookieValues = new Set<string>()
  /** What it was told where it was refused. */
  readonly refusals: string[] = []
  readonly #jars = new Map<string, Map<string, string>>()
  readonly #way: (url: URL) => Way

  /** @param way where a server really is: another replica of it, or what stands behind a proxy */
  constructor(way: (url: URL) => Way = (url) => ({ url })) {
    this.#way = way
  }

  /** Follows redirects. */
  async go(address: string | URL, sent: Sent = {}): Promise<Page> {
    let url = new URL(address)
    let response = await this.#once(url, sent)
    for (let hops = 0; [302, 303, 307].includes(response.status); hops += 1) {
      if (hops > 20) throw new Error('redirects without end')
      await response.body?.cancel()
      url = new URL(response.headers.get('location') ?? '', url)
      response = await this.#once(url, {})
    }
    const text = await response.text()
    if (response.status >= 400) this.refusals.push(`${[...response.headers].join('\n')}\n${text}`)
    return { status: response.status, url, headers: response.headers, text }
  }

  /** Sends the form of a page whose address ends so, with what is hidden in it and what is typed. */
  submit({ text, url }: Page, ending: string, typed: Record<string, string> = {}): Promise<Page> {
    for (const [, action = '', form = ''] of text.matchAll(/<form[^>]* action="([^"]*)"[^>]*>(.*?)<\/form>/gs)) {
      if (!action.endsWith(ending)) continue
      const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
      const hidden = Object.fromEntries(inputs.map(([, name, value]) => [name, value]))
      const headers = { origin: url.origin, 'sec-fetch-site': 'same-origin' }
      return this.go(new URL(action, url), {
        method: 'POST',
        headers,
        body: new URLSearchParams({ ...hidden, ...typed }),
      })
    }
    throw new Error(`no form for ${ending} in ${text}`)
  }

  cookie(address: string, name: string): string | undefined {
    return this.#jars.get(new URL(address).hostname)?.get(name)
  }

  setCookie(address: string, name: string, value: string): void {
    this.#jarOf(new URL(address)).set(name, value)
  }

  // RFC 6265 §8.5: cookies do not tell ports apart.
  #jarOf({ hostname }: URL): Map<string, string> {
    const jar = this.#jars.get(hostname) ?? new Map<string, string>()
    this.#jars.set(hostname, jar)
    return jar
  }

  async #once(url: URL, { method = 'GET', headers = {}, body }: Sent): Promise<Response> {
    this.urls.push(url.href)
    const cookie = [...this.#jarOf(url)].map(([name, value]) => `${name}=${value}`).join('; ')
    const way = this.#way(url)
    const response = await fetch(way.url, {
      method,
      headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }), ...way.headers, ...headers },
      body: body ?? null,
      redirect: 'manual',
    })
    for (const line of response.headers.getSetCookie()) this.#keep(url, line)
    return response
  }

  #keep(url: URL, line: string): void {
    this.setCookies.push(line)
    const [pair = ''] = line.split(';', 1)
    const [name = ''] = pair.split('=', 1)
    const value = pair.slice(name.length + 1)
    if (value === '' || /max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) this.#jarOf(url).delete(name)
    else {
      this.#jarOf(url).set(name, value)
      if (!isNamedInPaths.test(name)) this.cookieValues.add(value)
    }
  }
}
