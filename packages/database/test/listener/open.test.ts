import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { type Connection, connect, notifyThrough } from '../../src/connection/connect.ts'
import type { LostReason } from '../../src/listener/ear.ts'
import { type Listener, type ListenerOptions, openListener } from '../../src/listener/open.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { freePort } from '../../src/testing/port.ts'
import { proxyFor } from '../../src/testing/proxy.ts'
import { refused } from '../refused.ts'
import { happenings } from './happenings.ts'

const pingMs = 50
const never = 3_600_000

let database: TestDatabase
let ordinary: Connection<unknown>
let notify: ReturnType<typeof notifyThrough>

before(async () => {
  database = await testDatabase()
  ordinary = connect(database.serviceUrl)
  notify = notifyThrough(ordinary.pool)
})
after(async () => {
  await ordinary.close()
  await database.drop()
})

async function opened(t: TestContext, options: Partial<ListenerOptions> = {}) {
  const heard = happenings()
  const url = database.serviceUrl
  const listener: Listener = await openListener({ url, channel: 'revision', notify, pingMs, ...heard, ...options })
  t.after(() => listener.close())
  return { heard, listener }
}

test('what is sent to the channel arrives, in order, and nothing else does', async (t) => {
  const { heard } = await opened(t)
  const { heard: other } = await opened(t)
  await notify('another_channel', 'no')
  for (const n of [1, 2, 3]) await notify('revision', `${n}`)
  for (const { next } of [heard, other]) {
    assert.deepEqual([await next(), await next(), await next()], ['notify:1', 'notify:2', 'notify:3'])
  }
  assert.deepEqual(heard.waiting, [])
})

test('a connection that carries nothing any more is noticed although it stays open, and is replaced', async (t) => {
  const proxy = await proxyFor(database.serviceUrl)
  t.after(proxy.close)
  const { heard } = await opened(t, { url: proxy.url })
  proxy.freeze()
  const startMs = performance.now()
  await notify('revision', 'lost on the way')
  assert.equal(await heard.next(), 'lost:pings-missed')
  // Three pings when the process has the machine for itself; the tests share it.
  assert.ok(performance.now() - startMs < 20 * pingMs)
  assert.equal(await heard.next(), 'restored')
  await notify('revision', '2')
  assert.equal(await heard.next(), 'notify:2')
})

test('a connection that the server ends is noticed at once, without a ping', async (t) => {
  const { heard } = await opened(t, { pingMs: never })
  await ordinary.pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'rekey listener' AND datname = current_database()`)
  assert.equal(await heard.next(), 'lost:connection-broken')
  assert.equal(await heard.next(), 'restored')
  await notify('revision', '2')
  assert.equal(await heard.next(), 'notify:2')
})

test('while the server is away it tries again, and tells once when it is back', async (t) => {
  const proxy = await proxyFor(database.serviceUrl)
  t.after(proxy.close)
  const { heard } = await opened(t, { url: proxy.url, random: () => 0 })
  proxy.cut()
  assert.equal(await heard.next(), 'lost:connection-broken')
  assert.equal(await heard.next(), 'retry:UNREACHABLE')
  assert.equal(await heard.next(), 'retry:UNREACHABLE')
  proxy.mend()
  const between = await heard.until('restored')
  assert.ok(between.every((what) => what === 'retry:UNREACHABLE'))
})

test('it is lost as well when pings cannot be sent, and says why', async (t) => {
  let refusal: Error | undefined
  const reasons: LostReason[] = []
  const heard = happenings()
  await opened(t, {
    ...heard,
    notify: async (channel, payload) => {
      if (refusal) throw refusal
      await notify(channel, payload)
    },
    onLost: (reason) => {
      reasons.push(reason)
      heard.onLost(reason)
    },
  })
  refusal = new Error('the pool is exhausted')
  assert.equal(await heard.next(), 'lost:pings-missed')
  assert.equal(reasons[0]?.error, refusal)
  refusal = undefined
  await heard.until('restored')
})

test('after close nothing is told and no connection stays', async (t) => {
  const name = `close_${process.pid}`
  const { heard, listener } = await opened(t, { channel: name })
  const held = "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'rekey listener' AND query LIKE $1"
  assert.deepEqual((await ordinary.pool.query(held, [`%${name}%`])).rows, [{ n: 1 }])
  listener.close()
  while ((await ordinary.pool.query(held, [`%${name}%`])).rows[0].n > 0);
  const { heard: witness } = await opened(t, { channel: name })
  await notify(name, 'for the other one')
  assert.equal(await witness.next(), 'notify:for the other one')
  assert.deepEqual(heard.waiting, [])
})

test('closing while it is deaf ends the attempts', async (t) => {
  const proxy = await proxyFor(database.serviceUrl)
  t.after(proxy.close)
  const { heard, listener } = await opened(t, { url: proxy.url, random: () => 0 })
  const { heard: witness } = await opened(t, { url: proxy.url, random: () => 0.9 })
  proxy.cut()
  assert.equal(await heard.next(), 'lost:connection-broken')
  listener.close()
  proxy.mend()
  await witness.until('restored')
  assert.deepEqual(heard.waiting, [])
})

test('a server that cannot be reached or refuses the password is told as such', async () => {
  const dead = new URL(database.serviceUrl)
  dead.port = String(await freePort())
  const wrong = new URL(database.serviceUrl)
  wrong.password = 'wrong'
  const options = { channel: 'revision', notify, ...happenings() }
  await refused(openListener({ ...options, url: dead.href }), 'UNREACHABLE')
  await refused(openListener({ ...options, url: wrong.href }), 'AUTHENTICATION_FAILED')
})

test('a notification that cannot be sent when opening is told, and is not taken for a pooler', async () => {
  const port = await freePort()
  const broken = connect(`postgres://u:p@127.0.0.1:${port}/d`)
  const options = { channel: 'revision', notify: notifyThrough(broken.pool), ...happenings() }
  await refused(openListener({ ...options, url: database.serviceUrl }), 'UNREACHABLE')
  await broken.close()
})
