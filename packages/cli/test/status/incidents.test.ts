import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attention } from '../../src/status/attention.ts'
import { allDone, record } from '../break-glass/record.ts'
import { before, noon } from '../keyring.ts'

const of = (incident: ReturnType<typeof record>) =>
  attention({ keyrings: [], verifiers: [], incidents: [incident] }, noon)

test('frozen administration stands there since it is frozen, with the command that ends it', () => {
  const frozen = { frozen: true, frozenAt: before(50_000) }
  assert.deepEqual(of(record(allDone(), frozen)), [
    {
      what: 'administration is frozen by incident INC-42',
      since: before(50_000),
      command: 'rekey break-glass unfreeze INC-42',
    },
  ])
})

test('an incident that is not carried out to its end says where it stopped and how to go on', () => {
  const error = { code: 'PROVIDER_REFUSED', message: 'no successor could be made' }
  const [found, ...rest] = of(record({ ...allDone(), promote: { state: 'failed', error } }))
  assert.deepEqual(rest, [])
  assert.match(found?.what ?? '', /INC-42 \(key es256-old\) is not finished: it is at "promote", where no successor/)
  assert.deepEqual([found?.since, found?.command], [before(60_000), 'rekey break-glass resume INC-42'])
})

test('one that somebody carries out at the moment names him, and is only to be looked at', () => {
  const claimed = (until: string) => of(record({}, { claim: { runner: 'eve@there (pid 2)', until } }))[0]
  assert.match(claimed(before(-5_000))?.what ?? '', /at "guard", and eve@there \(pid 2\) carries it out/)
  assert.equal(claimed(before(-5_000))?.command, 'rekey break-glass show INC-42')
  assert.equal(claimed(before(1))?.command, 'rekey break-glass resume INC-42')
})

test('whether somebody carries it out is judged by the clock of who keeps it, not by the one here', () => {
  const commandAt = (now: string, until: string) =>
    of(record({}, { claim: { runner: 'eve@there (pid 2)', until }, now }))[0]?.command
  assert.equal(commandAt(before(71_000), before(70_000)), 'rekey break-glass show INC-42')
  assert.equal(commandAt(before(-71_000), before(-70_000)), 'rekey break-glass resume INC-42')
})

test('one that is over and frees administration needs nobody', () => {
  assert.deepEqual(of(record(allDone())), [])
})
