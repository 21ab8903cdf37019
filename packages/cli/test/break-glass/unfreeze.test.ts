import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playIdp, Refusal } from '../idp.ts'
import { record } from './record.ts'

test('who unfreezes and why is sent, and which incident freezes administration still is told', async () => {
  const other = record({}, { frozen: true })
  const idp = await playIdp({
    'POST /incidents/INC-41/unfreeze': record(),
    'GET /incidents': { incidents: [other] },
    'GET /incidents/INC-41': record({}, { unfrozenBy: 'Ada' }),
  })
  const words = ['--operator', 'Ada', '--reason', 'reviewed']
  const { code, stdout, stderr } = await idp.rekey('break-glass', 'unfreeze', 'INC-41', ...words)
  await idp.close()
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(idp.requests[0]?.body, { operator: 'Ada', reason: 'reviewed' })
  assert.equal(stdout, 'INC-41 freezes administration no more, but INC-42 still does.\n')
})

test('an incident that nobody knows is a failure with its code', async () => {
  const refusal = new Refusal(404, 'UNKNOWN_INCIDENT', 'there is no such incident')
  const idp = await playIdp({ 'POST /incidents/INC-7/unfreeze': refusal, 'GET /incidents/INC-7': refusal })
  for (const act of ['unfreeze', 'show']) {
    const { code, stdout } = await idp.rekey('break-glass', act, 'INC-7', '--json')
    assert.deepEqual([code, JSON.parse(stdout).code], [1, 'UNKNOWN_INCIDENT'])
  }
  await idp.close()
})

test('an identity provider that is away ends it with 3', async () => {
  const idp = await playIdp()
  await idp.close()
  const { code, stdout } = await idp.rekey('break-glass', 'show', 'INC-7', '--json')
  assert.deepEqual([code, JSON.parse(stdout).code], [3, 'PROVIDER_UNREACHABLE'])
})
