/** The backend for frontend as this page sees it: a session in a cookie that no script can read, and a token against CSRF. */

/** Said instead of an answer when the session is over. */
export class LoggedOut extends Error {}

let csrfToken = ''

/** The session: `{user, expires_at}`. @throws LoggedOut */
export async function readSession() {
  const { csrf_token, ...session } = await answerOf(await ask('/auth/session'))
  csrfToken = csrf_token
  return session
}

/** @returns what the API says, through the backend. @throws LoggedOut */
export async function get(path) {
  return await answerOf(await ask(path))
}

/** The same for what changes something. @throws LoggedOut */
export async function post(path, body) {
  const response = await send(path, body)
  if (!(await isStale(response))) return await answerOf(response)
  // A page that was open for longer than the key of its token lives gets another token, and asks once more.
  await readSession()
  return await answerOf(await send(path, body))
}

/** Ends this session, or all of this user. @returns where the browser goes to be logged out at the identity provider too */
export async function logOut(everywhere) {
  const { logout_url } = await post('/auth/logout', { everywhere })
  return logout_url ?? '/'
}

function send(path, body) {
  const headers = { 'content-type': 'application/json', 'x-csrf-token': csrfToken }
  return ask(path, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function ask(path, init = {}) {
  try {
    return await fetch(path, { ...init, headers: { accept: 'application/json', ...init.headers } })
  } catch {
    throw new Error('The backend cannot be reached.')
  }
}

async function isStale(response) {
  if (response.status !== 403) return false
  const { code } = await bodyOf(response.clone())
  return code === 'CSRF_REFUSED'
}

async function answerOf(response) {
  const body = await bodyOf(response)
  if (response.ok) return body
  // The API behind the backend may answer 401 too, of which the session is not over.
  if (response.status === 401 && body.detail) throw new LoggedOut('Your session is over.')
  const id = body.correlation_id ? ` (${body.correlation_id})` : ''
  throw new Error(`The backend answered ${response.status}: ${body.message ?? response.statusText}${id}`)
}

/** What a proxy on the way answers is no JSON. */
async function bodyOf(response) {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return { message: text.slice(0, 200) }
  }
}
