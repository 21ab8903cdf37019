import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepNames } from '@rekey/breakglass'
import { milestonesOf, viewFrom } from '../../src/break-glass/milestones.ts'
import { timeOfDay } from '../../src/terminal/moment.ts'
import { before } from '../keyring.ts'
import { allDone, done, record } from './record.ts'

const runner = 'ada@here (pid 1)'
const whole = viewFrom({ ...record(), now: before(40_000) }, stepNames, false, runner)
const since = timeOfDay(before(5_000))
const running = { state: 'running', startedAt: before(5_000), attempts: 1, runner } as const

test('every step is a row, in the order in which they are taken, and none is done before it is', () => {
  const rows = milestonesOf(record(), whole)
  assert.equal(rows.length, stepNames.length)
  assert.ok(rows.every(({ done, waiting }) => !done && waiting === undefined))
})

test('a step under way says since when, and on whom it waits, of many not all', () => {
  const of = (waitingFor: string[]) => {
    const row = milestonesOf(record({ verifiers: { ...running, waitingFor } }), whole)[6]
    return [row?.since, row?.waiting]
  }
  assert.deepEqual(of([]), [since, undefined])
  assert.deepEqual(of(['api-1/8081']), [since, 'waiting for api-1/8081'])
  assert.deepEqual(of(['a', 'b', 'c', 'd', 'e', 'f']), [since, 'waiting for a, b, c, d, 2 more'])
})

test('a step that a colleague carries out names him', () => {
  const rows = milestonesOf(record({ promote: { ...running, runner: 'eve@there (pid 2)' } }), whole)
  assert.deepEqual([rows[3]?.since, rows[3]?.waiting], [since, 'carried out by eve@there (pid 2)'])
})

test('a step that failed says why, and is not taken for one that came true', () => {
  const error = { code: 'PROVIDER_REFUSED', message: 'no room on the deny-list' }
  const row = milestonesOf(record({ sessions: { state: 'failed', endedAt: before(0), error } }), whole)[5]
  assert.deepEqual(row, {
    title: 'the sessions concerned are ended: no room on the deny-list',
    done: true,
    wrong: true,
  })
})

test('what came of a step stands behind it, with how long it took when that was long', () => {
  const successors = [{ keyring: 'signing-es256', kid: 'es256-new', activatedAt: before(1), everywhereAt: before(0) }]
  const promote = done({ successors, windowMs: 120, keys: [] }, 12_000)
  const row = milestonesOf(record({ promote }), whole)[3]
  assert.equal(
    row?.title,
    'another key signs, on every instance of the IdP: es256-new; fresh tokens may have waited 120 ms for trust (12s)',
  )
})

test('a step that is done and found what is not good does not look as if all were well', () => {
  const proved = { oldRefused: true, freshAccepted: true, deniedRefused: true }
  const rows = milestonesOf(record({ prove: done([proved, { ...proved, oldRefused: null }]) }), whole)
  assert.deepEqual([rows[8]?.done, rows[8]?.wrong, rows[8]?.title], [true, true, '1 of 2 API instances are proved'])
  const none = milestonesOf(record({ prove: done([]) }), whole)[8]
  assert.deepEqual([none?.wrong, none?.title], [true, 'no API instance was named: nothing was proved'])
  const away = milestonesOf(record({ freeze: done({ unavailable: 'there is no such command' }) }), whole)[1]
  assert.deepEqual([away?.wrong, away?.title], [true, 'not done (freezing administration): there is no such command'])
})

test('of an incident that is gone on with, what was done stays so, and what failed is still to come', () => {
  const failed = { state: 'failed', endedAt: before(20_000), error: { code: 'X', message: 'it was away' } } as const
  const first = record({ guard: done(), freeze: done(), probes: failed, prove: done([], 5_000) })
  const rows = milestonesOf(first, viewFrom(first, stepNames, false, runner))
  assert.deepEqual(
    rows.map(({ done }) => done),
    [true, true, ...Array(9).fill(false)],
  )
})

test('what is proved again is still to come, however it ended before', () => {
  const first = { ...record(allDone()), now: before(20_000) }
  const view = viewFrom(first, ['verifiers', 'prove'], true, runner)
  const verifiers = done({ acknowledged: [{}], missing: [] }, 15_000)
  assert.deepEqual(
    milestonesOf(record({ ...allDone(), verifiers }), view).map(({ done }) => done),
    [true, false],
  )
})
