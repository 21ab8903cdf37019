/** What pages and clients do then. */
import type { Browser, Visited } from './browser.ts'
import { expect, NotTried } from './check.ts'
import { ask, type Subject } from './subject.ts'

export async function readSession({ bff }: Subject, browser: Browser, isIn: boolean) {
  if (!isIn) throw new NotTried('nobody is logged in')
  const { status, text } = await browser.send(new URL('/auth/session', bff))
  expect(status === 200, `/auth/session answered ${status}`)
  const { user, csrf_token: token, expires_at: until } = JSON.parse(text) as Shown
  if (typeof token !== 'string') throw new Error('no CSRF token is told')
  return { detail: `of ${user?.sub}, until ${until}`, token }
}

interface Shown {
  user?: { sub?: string }
  csrf_token?: string
  expires_at?: string
}

export async function callBySession(subject: Subject, browser: Browser, hasSession: boolean) {
  if (!hasSession) throw new NotTried('there is no session')
  const { bff, sessionPath } = subject
  const url = new URL(sessionPath, bff)
  const { status } = await browser.send(url)
  expect(status === 200, `GET ${sessionPath} answered ${status}`)
  const stranger = await ask(subject, url)
  expect(stranger.status === 401, `GET ${sessionPath} answered ${stranger.status} to nobody`)
  return { detail: `GET ${sessionPath} answers 200, and 401 without a session` }
}

export async function postWithAndWithoutToken(
  { bff, sessionPath }: Subject,
  browser: Browser,
  token: string | undefined,
) {
  if (token === undefined) throw new NotTried('there is no session')
  const post = (headers: Record<string, string>) => browser.send(new URL(sessionPath, bff), jsonPost(message, headers))
  const without = await post({})
  expect(isCsrfRefusal(without), `POST ${sessionPath} without a token answered ${without.status}`)
  const { status } = await post({ 'x-csrf-token': token })
  expect(status < 300, `POST ${sessionPath} with a token answered ${status}`)
  return { detail: `POST ${sessionPath} is refused without a token, and answers ${status} with it` }
}

const message = { message: 'rekey verify' }

function isCsrfRefusal({ status, text }: Pick<Visited, 'status' | 'text'>): boolean {
  return status === 403 && text.includes('CSRF_REFUSED')
}

function jsonPost(body: object, headers: Record<string, string>): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

export async function callByBearer(subject: Subject) {
  const { bff, bearerPath, bearer } = subject
  if (bearerPath === 'off') throw new NotTried('no route by bearer token is named')
  const call = (token: string) => ask(subject, new URL(bearerPath, bff), { authorization: `Bearer ${token}` })
  const { status } = await call(await bearer())
  expect(status === 200, `GET ${bearerPath} answered ${status}`)
  const refused = await call('none-of-yours')
  expect(refused.status === 401, `GET ${bearerPath} answered ${refused.status} to a token that is none`)
  return { detail: `GET ${bearerPath} answers 200, and 401 to a token that is none` }
}

export async function leave({ bff }: Subject, browser: Browser, token: string | undefined) {
  if (token === undefined) throw new NotTried('there is no session')
  const left = await browser.send(new URL('/auth/logout', bff), jsonPost({}, { 'x-csrf-token': token }))
  expect(left.status === 200, `POST /auth/logout answered ${left.status}`)
  const { status } = await browser.send(new URL('/auth/session', bff))
  expect(status === 401, `/auth/session answered ${status} after the logout`)
  return { detail: 'the session is over' }
}
