import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { prune } from '../src/prune.ts'
import { sha256 } from '../src/sha256.ts'
import { eventually, startEstate } from './estate.ts'

test('what is over is deleted, and told apart from what could not be sealed anew', { timeout: 60_000 }, async (t) => {
  const estate = await startEstate()
  t.after(() => estate.stop())
  const { instance } = (await estate.instance()).idp
  const over = { client_id: 'agent-1', jti_hash: sha256('over'), expires_at: new Date(0) }
  await estate.db.insertInto('used_assertions').values(over).execute()
  const lines: string[] = []
  const log = pino({}, { write: (line: string) => lines.push(line) })
  prune(instance.connection.db, instance.view, () => Promise.reject(new Error('does not open')), log)
  await eventually(
    () => estate.db.selectFrom('used_assertions').selectAll().execute(),
    (left) => left.length === 0,
  )
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).msg),
    ['what is sealed under an older root key could not be sealed anew'],
  )
})
