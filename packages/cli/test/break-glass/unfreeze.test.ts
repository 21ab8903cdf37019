import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { stamp } from '../../src/terminal/moment.ts'
import { playIdp, Refusal } from '../idp.ts'
import { before } from '../keyring.ts'
import { record } from './record.ts'

test('who unfreezes and why is sent, and which incident freezes administration still is told', async () => {
  const other = record({}, { frozen: true })
  const seen = [record({}, { frozen: true }), record({}, { unfrozenBy: 'Ada' })]
  const idp = await playIdp({
    'POST /incidents/INC-41/unfreeze': record(),
    'GET /incidents': { incidents: [other] },
    'GET /incidents/INC-41': (response: ServerResponse) => response.end(JSON.stringify(seen.shift())),
  })
  const words = ['--operator', 'Ada', '--reason', 'reviewed']
  const { code, stdout, stderr } = await idp.rekey('break-glass', 'unfreeze', 'INC-41', ...words)
  await idp.close()
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(idp.requests[1]?.body, { operator: 'Ada', reason: 'reviewed' })
  assert.equal(stdout, 'INC-41 freezes administration no more, but INC-42 still does.\n')
})

test('that administration works again is not said of an incident that did not freeze it', async () => {
  const still = { incidents: [record({}, { frozen: true })] }
  for (const [seen, others, text] of [
    [record(), { incidents: [] }, 'INC-42 did not freeze administration: nothing was changed.'],
    [record(), still, 'INC-42 did not freeze administration: nothing was changed. INC-42 does.'],
    [
      record({}, { unfrozenAt: before(0), unfrozenBy: 'Ada' }),
      { incidents: [] },
      `INC-42 did not freeze administration (unfrozen at ${stamp(before(0))} by Ada): nothing was changed.`,
    ],
  ] as const) {
    const answers = { 'POST /incidents/INC-41/unfreeze': seen, 'GET /incidents': others, 'GET /incidents/INC-41': seen }
    const idp = await playIdp(answers)
    const { code, stdout } = await idp.rekey('break-glass', 'unfreeze', 'INC-41')
    await idp.close()
    assert.deepEqual([code, stdout], [0, `${text}\n`])
  }
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

test('an identity provider that is away ends it with 3, and is said once to be away', async () => {
  const idp = await playIdp()
  await idp.close()
  const { code, stdout, stderr } = await idp.rekey('break-glass', 'show', 'INC-7', '--json')
  assert.deepEqual([code, JSON.parse(stdout).code], [3, 'PROVIDER_UNREACHABLE'])
  assert.equal(stderr, `rekey: ${idp.url} cannot be reached: ECONNREFUSED\n`)
})
