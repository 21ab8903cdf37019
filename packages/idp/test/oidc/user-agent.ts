/** A browser without scripts, as far as logins go: it keeps cookies, follows redirects within the identity provider, and sends forms. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'

interface Cookie {
  name: string
  value: string
  path: string
}

export interface Seen {
  status: number
  /** Where it ended: at another origin nothing is asked. */
  url: URL
  headers: Headers
  page: string
}

export interface Sent {
  form?: Record<string, string>
  headers?: Record<string, string>
}

/**
 * @param origin of the identity provider, as its users know it
 * @param reach where requests really go: another instance behind the same origin
 */
export function userAgent(origin: string, reach: () => string = () => origin) {
  const cookies = new Map<string, Cookie>()

  function keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(/; */)
      const [name = ''] = pair.split('=', 1)
      const path = attributes.find((text) => /^path=/i.test(text))?.slice(5) ?? '/'
      const value = pair.slice(name.length + 1)
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(`${name} ${path}`)
      else cookies.set(`${name} ${path}`, { name, value, path })
    }
  }

  const cookiesFor = ({ pathname }: URL) =>
    [...cookies.values()]
      .filter(({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')

  async function once(url: URL, { form, headers = {} }: Sent): Promise<Response> {
    const sent = { accept: 'text/html', cookie: cookiesFor(url), ...headers }
    const body = form === undefined ? null : new URLSearchParams(form)
    const method = form === undefined ? 'GET' : 'POST'
    const target = reach() + url.pathname + url.search
    const response = await fetch(target, { method, body, headers: sent, redirect: 'manual' })
    keep(response.headers)
    return response
  }

  async function go(address: string | URL, sent: Sent = {}): Promise<Seen> {
    let url = new URL(address, origin)
    let response = await once(url, sent)
    for (let hops = 0; response.status === 303 || response.status === 302; hops += 1) {
      assert.ok(hops < 10, 'redirects without end')
      url = new URL(response.headers.get('location') ?? '', url)
      if (url.origin !== origin) return { status: response.status, url, headers: response.headers, page: '' }
      response = await once(url, {})
    }
    return { status: response.status, url, headers: response.headers, page: await response.text() }
  }

  /** Sends the form of a page whose address ends so, with what is hidden in it. */
  function submit({ page }: Pick<Seen, 'page'>, ending: string, typed: Record<string, string> = {}, headers = {}) {
    const { action, hidden } = formOf(page, ending)
    return go(action, {
      form: { ...hidden, ...typed },
      headers: { origin, 'sec-fetch-site': 'same-origin', ...headers },
    })
  }

  return { cookies, go, submit }
}

export type UserAgent = ReturnType<typeof userAgent>

function findForm(page: string, ending: string) {
  const forms = [...page.matchAll(/<form[^>]* action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)]
  return forms.find(([, action]) => action?.endsWith(ending))
}

export function hasForm({ page }: Pick<Seen, 'page'>, ending: string): boolean {
  return findForm(page, ending) !== undefined
}

/** Where a form leads, and what is hidden in it. */
export function formOf(page: string, ending: string): { action: string; hidden: Record<string, string> } {
  const found = findForm(page, ending)
  assert.ok(found, `no form that leads to …${ending} in ${page}`)
  const inputs = [...(found[2] ?? '').matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  return { action: found[1] ?? '', hidden: Object.fromEntries(inputs.map(([, name, value]) => [name, value])) }
}

/** The address by which a client asks that a user logs in, and what it needs for the code. */
export function authorization(
  origin: string,
  clientId: string,
  redirectUri: string,
  more: Record<string, string> = {},
) {
  const verifier = randomBytes(32).toString('base64url')
  const asked = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    state: 'some state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  })
  return { url: `${origin}/api/oidc/auth?${asked}`, verifier }
}
