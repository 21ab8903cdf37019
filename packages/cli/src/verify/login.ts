/** A login as a browser goes through it. */
import type { Browser, Visited } from './browser.ts'
import { expect, NotTried } from './check.ts'
import { logIn } from './log-in.ts'
import type { Subject } from './subject.ts'

/** Where `/auth/login` led, and for whom. */
export interface Begun {
  detail: string
  page: Visited
  clientId: string
}

export async function begin({ bff }: Subject, browser: Browser): Promise<Begun> {
  const page = await browser.visit(new URL('/auth/login?return_to=/', bff))
  const { url, status } = page
  const clientId = [...page.hops, url].map(({ searchParams }) => searchParams.get('client_id')).find(Boolean)
  expect(Boolean(clientId), `/auth/login led to ${url.origin}${url.pathname} (${status}), and asked for nothing`)
  expect(status < 400, `${url.origin} answered ${status}`)
  return { detail: `leads to ${url.origin}, for client ${clientId}`, page, clientId: String(clientId) }
}

export async function comeBack({ bff, user, idp }: Subject, browser: Browser, begun: Begun | undefined) {
  if (begun === undefined) throw new NotTried('nobody got to the identity provider')
  const { origin } = begun.page.url
  if (origin !== new URL(idp).origin) {
    throw new NotTried(`the pages of ${origin} are not Rekey’s: log in there with a browser`)
  }
  if (user === undefined) throw new NotTried('no user is known who may log in: set REKEY_USERNAME and REKEY_PASSWORD')
  const { hops, url, status } = await logIn(browser, begun.page, user, bff)
  const called = hops.some((hop) => hop.origin === bff.origin && hop.pathname === '/auth/callback')
  expect(called && url.pathname === '/', `the login ended at ${url.pathname} (${status})`)
  return { detail: `${user.username} is back at ${bff.origin}/` }
}
