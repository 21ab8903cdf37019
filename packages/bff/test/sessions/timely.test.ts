import assert from 'node:assert/strict'
import { it } from 'node:test'
import { sql } from 'kysely'
import { timely } from '../../src/sessions/timely.ts'
import { bffEstate, browser, eventually, operate } from '../bff.ts'

it('a session that had to wait for the database hangs on what is active when it is written', {
  timeout: 60_000,
}, async (t) => {
  const estate = await bffEstate(t)
  const replica = await estate.start()
  const { pool, db } = replica.bff.connection
  const user = browser()
  const { url } = await user.go(`${estate.publicUrl}/auth/login`, { until: `${estate.publicUrl}/auth/callback` })
  const { begin } = replica.bff.sessions
  const asked = Promise.withResolvers<void>()
  const free = Promise.withResolvers<void>()
  replica.bff.sessions.begin = async (...given) => {
    // All of them are in use.
    const taken = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()))
    void free.promise.then(() => taken.forEach((client) => void client.release()))
    asked.resolve()
    return begin(...given)
  }
  const finished = user.go(url)
  await asked.promise
  const now = () => ({
    sealed_by: replica.bff.keyrings.sealing('session').activeId,
    salt_version: replica.bff.keyrings.salt('token-hash').active.id,
    ua_version: replica.bff.keyrings.salt('ua-hash').active.id,
  })
  const before = now()
  try {
    for (const name of ['session', 'token-hash', 'ua-hash']) await operate(replica, 'POST', `/keyrings/${name}/rotate`)
    await eventually(now, (active) => active.sealed_by !== before.sealed_by)
    await eventually(now, (active) => active.salt_version !== before.salt_version)
    await eventually(now, (active) => active.ua_version !== before.ua_version)
  } finally {
    free.resolve()
  }
  await finished
  const rows = await db.selectFrom('sessions').select(['sealed_by', 'salt_version', 'ua_version']).execute()
  assert.deepEqual(rows, [now()])
})

it('PostgreSQL itself ends what names versions and stands still', { timeout: 60_000 }, async (t) => {
  const estate = await bffEstate(t)
  const { bff } = await estate.start()
  const limits = await timely(bff, async (transaction) => {
    const { rows } = await sql`SELECT current_setting('statement_timeout') AS statement,
      current_setting('idle_in_transaction_session_timeout') AS idle`.execute(transaction)
    return rows
  })
  assert.deepEqual(limits, [{ statement: '2s', idle: '2s' }])
  const slow = timely(bff, (transaction) => sql`SELECT pg_sleep(60)`.execute(transaction))
  await assert.rejects(slow, /statement timeout/)
})

it('nothing names versions without a lease', { timeout: 60_000 }, async (t) => {
  const estate = await bffEstate(t)
  const { bff } = await estate.start()
  await bff.view.close()
  await assert.rejects(
    timely(bff, async () => assert.fail('it was written')),
    { code: 'NO_LEASE' },
  )
})
