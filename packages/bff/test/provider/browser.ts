/** A browser without scripts: it keeps cookies for each origin and follows redirects from one origin to another. */

interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

export interface Page {
  readonly status: number
  /** Where it ended. */
  readonly url: URL
  readonly headers: Headers
  readonly text: string
  /** Every address on the way, the first one included. */
  readonly way: readonly string[]
}

export interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | URLSearchParams
  /** The first address of this beginning is not asked, but is where it ends. */
  readonly until?: string
  /** No redirect is followed. */
  readonly stay?: boolean
}

/** @param reach where the requests to an address really go: by default there */
export function browser(reach: (url: URL) => URL = (url) => url) {
  const jars = new Map<string, Map<string, Cookie>>()

  function jarOf({ origin }: URL): Map<string, Cookie> {
    const jar = jars.get(origin) ?? new Map<string, Cookie>()
    jars.set(origin, jar)
    return jar
  }

  function keep(url: URL, headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(/; */)
      const [name = ''] = pair.split('=', 1)
      const path = attributes.find((text) => /^path=/i.test(text))?.slice(5) ?? '/'
      const value = pair.slice(name.length + 1)
      const isOver = value === '' || attributes.some((text) => /^max-age=0$|^expires=Thu, 01 Jan 1970/i.test(text))
      if (isOver) jarOf(url).delete(`${name} ${path}`)
      else jarOf(url).set(`${name} ${path}`, { name, value, path })
    }
  }

  const cookiesFor = (url: URL): string =>
    [...jarOf(url).values()]
      .filter(({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')

  async function once(url: URL, { method = 'GET', headers = {}, body }: Asked): Promise<Response> {
    const cookie = cookiesFor(url)
    const response = await fetch(reach(url), {
      method,
      headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }), ...headers },
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    })
    keep(url, response.headers)
    return response
  }

  /** Asks, and follows redirects: through a whole login, where that is at the end of `/auth/login`. */
  async function go(address: string | URL, asked: Asked = {}): Promise<Page> {
    let url = new URL(address)
    let response = await once(url, asked)
    const way = [url.href]
    while (!asked.stay && [302, 303, 307].includes(response.status)) {
      if (way.length > 20) throw new Error(`redirects without end: ${way.join(' → ')}`)
      await response.arrayBuffer()
      url = new URL(response.headers.get('location') ?? '', url)
      way.push(url.href)
      if (asked.until !== undefined && url.href.startsWith(asked.until)) {
        return { status: response.status, url, headers: response.headers, text: '', way }
      }
      response = await once(url, {})
    }
    return { status: response.status, url, headers: response.headers, text: await response.text(), way }
  }

  /** Sends the only form of a page, with what is hidden in it and what else is given. */
  function submit({ text, url }: Page, more: Record<string, string> = {}, asked: Asked = {}): Promise<Page> {
    const action = /<form[^>]* action="([^"]*)"/.exec(text)?.[1]
    if (action === undefined) throw new Error(`no form in ${text}`)
    const inputs = [...text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
    const hidden = Object.fromEntries(inputs.map(([, name, value]) => [name, value]))
    return go(new URL(action, url), { ...asked, method: 'POST', body: new URLSearchParams({ ...hidden, ...more }) })
  }

  return {
    go,
    submit,
    /** The cookies that an address would be sent, by name. */
    cookies: (address: string | URL): ReadonlyMap<string, string> =>
      new Map([...jarOf(new URL(address)).values()].map(({ name, value }) => [name, value])),
    /** Puts a cookie there, as it is. */
    setCookie: (address: string | URL, name: string, value: string, path = '/'): void =>
      void jarOf(new URL(address)).set(`${name} ${path}`, { name, value, path }),
    forgetCookies: (): void => jars.clear(),
  }
}

export type TestBrowser = ReturnType<typeof browser>
