import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endSessions } from '../../src/sessions/end.ts'
import { eventually, loggedIn, startEstate } from '../sessions/estate.ts'

test('a logout is answered when no instance has the session any more, and no sooner', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${first.origin}${path}`, { method: 'POST', headers, body: new URLSearchParams(fields), redirect: 'manual' })
  type User = Awaited<ReturnType<typeof loggedIn>>
  const byUser = async (user: User, fields: Record<string, string>) => {
    const { csrf_token: token } = (await user.session()).body
    const cookie = [...user.cookies()].map(([name, value]) => `${name}=${value}`).join('; ')
    return () => post('/auth/logout', { ...fields, csrf_token: token }, { cookie })
  }
  const ways: [string, (user: User) => Promise<() => Promise<Response>>][] = [
    ['logout', (user) => byUser(user, {})],
    ['logout everywhere', (user) => byUser(user, { everywhere: 'true' })],
    [
      'back-channel logout',
      async () => () => post('/auth/backchannel-logout', { logout_token: estate.idp.logoutToken({ sub: 'ada' }) }),
    ],
  ]
  for (const [name, prepare] of ways) {
    const user = await loggedIn(estate)
    await user.token(second.origin)
    const act = await prepare(user)
    const { promise: caughtUp, resolve: catchUp } = Promise.withResolvers<void>()
    second.lag(caughtUp)
    let isAnswered = false
    const reply = act().finally(() => {
      isAnswered = true
    })
    await eventually(estate.sessions, (rows) => rows.length === 0)
    for (let n = 0; n < 10; n++) assert.match(String(await user.token(second.origin)), /^at-ada-/, name)
    assert.equal(isAnswered, false, name)
    catchUp()
    assert.ok((await reply).status < 400, name)
    assert.equal(await user.token(second.origin), 401, name)
  }
})

test('who has sessions ended that were ended a moment before is answered no sooner either', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  const first = await estate.replica()
  const second = await estate.replica()
  const user = await loggedIn(estate)
  await user.token(second.origin)
  const { promise: caughtUp, resolve: catchUp } = Promise.withResolvers<void>()
  second.lag(caughtUp)
  const lost = endSessions(first.bff, { sub: 'ada' }, 'ops')
  await eventually(estate.sessions, (rows) => rows.length === 0)
  let isAnswered = false
  const again = endSessions(first.bff, { sub: 'ada' }, 'ops').finally(() => {
    isAnswered = true
  })
  for (let n = 0; n < 10; n++) assert.match(String(await user.token(second.origin)), /^at-ada-/)
  assert.equal(isAnswered, false)
  catchUp()
  assert.deepEqual(await Promise.all([lost, again]), [1, 0])
  assert.equal(await user.token(second.origin), 401)
})
