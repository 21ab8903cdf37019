import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { sealerFor } from '@rekey/database'
import { sealSessionsAnew } from '../../src/sessions/seal-anew.ts'
import { openTokens } from '../../src/sessions/stored.ts'
import { loggedIn, startEstate } from './estate.ts'

test('tokens are sealed under the root key of now, and those that do not open keep no others from it', {
  timeout: 60_000,
}, async (t) => {
  const estate = await startEstate(t)
  await estate.replica()
  await loggedIn(estate)
  await loggedIn(estate)
  const { db } = estate.control
  const newer = { id: 'newer', key: randomBytes(32) }
  const sealer = sealerFor({ all: [newer, estate.root], sealing: newer })
  const [first, second] = await estate.sessions()
  const moved = second?.sealed_tokens ?? ''
  await db
    .updateTable('sessions')
    .set({ sealed_tokens: moved })
    .where('session_id', '=', first?.session_id ?? '')
    .execute()
  await assert.rejects(sealSessionsAnew(db, sealer, newer.id), { code: 'SEAL_DAMAGED' })
  const after = await estate.sessions()
  assert.deepEqual(
    after.map(({ sealed_tokens: text }) => text.split('.')[1]),
    ['root', 'newer'],
  )
  assert.match(
    openTokens(sealerFor(newer), second?.session_id ?? '', after[1]?.sealed_tokens ?? '').accessToken,
    /^at-ada-/,
  )
})
