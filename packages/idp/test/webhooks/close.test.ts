import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, startEstate } from '../estate.ts'
import { answering, startReceiver } from './receiver.ts'

test('an instance whose deliveries hang ends within its two seconds, and another one makes them', async (t) => {
  const estate = await startEstate({ REKEY_WEBHOOK_ALLOW_PRIVATE: 'localhost', REKEY_WEBHOOK_TIMEOUT: '20s' })
  t.after(() => estate.stop())
  const receiver = await startReceiver(() => undefined)
  t.after(() => receiver.close())
  const first = await estate.instance()
  const bearer = await first.management()
  const body = { name: 'ours', url: receiver.url, events: ['agent.created'] }
  const { id } = (await first.manage('POST', '/api/v1/webhooks', body, bearer)).body
  await first.manage('POST', '/api/v1/agents', { name: 'one' }, bearer)
  await receiver.arrived(1)
  const began = performance.now()
  await first.close()
  assert.ok(performance.now() - began < 2_000, `${performance.now() - began} ms`)
  receiver.answer(answering(200))
  await estate.instance()
  const rows = await eventually(
    () => estate.db.selectFrom('webhook_deliveries').selectAll().where('webhook_id', '=', id).execute(),
    ([delivery]) => delivery?.status === 'delivered',
  )
  // What was broken off was no attempt of the receiver's.
  assert.equal(rows[0]?.attempts, 1)
})
