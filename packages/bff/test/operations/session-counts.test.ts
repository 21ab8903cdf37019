import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { sql } from 'kysely'
import { Registry } from 'prom-client'
import { sessionGauge } from '../../src/operations/session-counts.ts'
import { loggedIn, startEstate } from '../sessions/estate.ts'

test('the last counts are told while a database that hangs keeps newer ones waiting', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  await loggedIn(estate)
  const registry = new Registry()
  let now = 0
  sessionGauge(registry, estate.control, () => now)
  const counts = async () => (await registry.metrics()).match(/^rekey_bff_sessions\{.*$/gm) ?? []
  const before = await counts()
  assert.deepEqual(
    before.map((line) => line.replace(/version="[^"]+"/, '')),
    ['rekey_bff_sessions{keyring="session",} 1', 'rekey_bff_sessions{keyring="token-hash",} 1'],
  )
  now += 10_001
  await estate.control.db.transaction().execute(async (transaction) => {
    await sql`LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE`.execute(transaction)
    assert.deepEqual(await counts(), before)
    await sql`DELETE FROM sessions`.execute(transaction)
  })
  await eventually(counts, (lines) => lines.length === 0)
})
