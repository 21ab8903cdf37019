import { get, LoggedOut, logOut, post, readSession } from './backend.js'

const at = (id) => document.getElementById(id)
const sections = [at('logged-out'), at('logged-in')]

at('retry').addEventListener('click', look)
at('call').addEventListener('click', () => act(at('call'), () => reply(get('/api/hello'))))
at('say').addEventListener('submit', (event) => {
  event.preventDefault()
  const message = new FormData(event.target).get('message')
  act(event.submitter, () => reply(post('/api/hello', { message })))
})
at('logout').addEventListener('click', () => act(at('logout'), () => leave(false)))
at('logout-everywhere').addEventListener('click', () => act(at('logout-everywhere'), () => leave(true)))
// The session may have been ended elsewhere while nobody looked here.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') look()
})
look()

/** Shows whether there is a session, and whose. */
async function look() {
  await guarded(async () => {
    const { user, expires_at } = await readSession()
    at('who').textContent = user.name ?? user.preferred_username ?? user.email ?? user.sub
    at('subject').textContent = user.sub
    const expiry = new Date(expires_at)
    at('expiry').dateTime = expiry.toISOString()
    at('expiry').textContent = expiry.toLocaleString()
    show(at('logged-in'))
  })
}

async function leave(everywhere) {
  location.assign(await logOut(everywhere))
}

async function reply(asking) {
  at('reply').textContent = '…'
  try {
    at('reply').textContent = JSON.stringify(await asking, undefined, 2)
  } catch (error) {
    at('reply').textContent = 'none'
    throw error
  }
}

/** One at a time: the button that began it waits for its end. */
async function act(button, what) {
  button.disabled = true
  await guarded(what)
  button.disabled = false
}

async function guarded(what) {
  try {
    problem('')
    await what()
  } catch (error) {
    if (error instanceof LoggedOut) loggedOut(error)
    else failed(error)
  }
}

function loggedOut({ message }) {
  const hadSession = !at('logged-in').hidden
  show(at('logged-out'))
  at('notice').textContent = hadSession ? message : ''
}

function failed({ message }) {
  at('notice').textContent = ''
  problem(message)
}

function problem(message) {
  at('problem').hidden = message === ''
  at('problem').textContent = message
  at('retry').hidden = message === '' || !at('logged-in').hidden
}

function show(section) {
  at('notice').textContent = ''
  for (const each of sections) each.hidden = each !== section
}
