import { CliError } from '../error.ts'
import type { User } from '../estate/document.ts'
import type { Browser, Visited } from './browser.ts'
import { type Form, formsIn } from './forms.ts'

// A login, a consent, and room for one page more.
const mostForms = 4

/**
 * Fills in what the identity provider asks, until the browser is back at the backend.
 *
 * @throws CliError `FAILED` where its pages are not understood, or it does not let the user in
 */
export async function logIn(browser: Browser, at: Visited, user: User, backend: URL): Promise<Visited> {
  let visited = at
  for (let sent = 0; visited.url.origin !== backend.origin; sent += 1) {
    const [form] = formsIn(visited.text, visited.url).filter(({ method }) => method === 'POST')
    if (form === undefined || sent === mostForms) {
      throw new CliError('FAILED', `${visited.url.origin} shows a page that is not understood (${titleOf(visited)})`)
    }
    if (form.hasPassword && visited.status >= 400) throw notLetIn(visited, user)
    visited = await browser.visit(form.action, bodyOf(form, user))
  }
  return visited
}

/** The page that comes back to a wrong password has no other title than any form that was not filled in well. */
function notLetIn(visited: Visited, { username }: User): CliError {
  const { url, status } = visited
  const why =
    status === 422
      ? `${url.origin} did not accept the username ${username} with the password that was given (422)`
      : `${url.origin} does not let ${username} in (${titleOf(visited)})`
  return new CliError('FAILED', why)
}

function bodyOf({ fields, hasPassword, method }: Form, { username, password }: User): RequestInit {
  const body = new URLSearchParams([...fields])
  if (hasPassword) {
    body.set('username', username)
    body.set('password', password)
  }
  return { method, body }
}

function titleOf({ status, text }: Visited): string {
  const [, title] = /<title>([^<]*)<\/title>/i.exec(text) ?? []
  return title ? `${status}, "${title}"` : String(status)
}
