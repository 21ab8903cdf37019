import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepNames } from '@rekey/breakglass'
import { milestonesAhead, milestonesOf, viewFrom, whileAway } from '../../src/break-glass/milestones.ts'
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

test('while the identity provider is away, what is due waits for it, also before an incident was seen', () => {
  const away = 'the identity provider: away for 3 s'
  const waiting = `waiting for ${away}`
  const ahead = whileAway(milestonesAhead(stepNames), away)
  assert.deepEqual([ahead.length, ahead[0]?.waiting, ahead[1]?.waiting], [stepNames.length, waiting, undefined])
  const begun = whileAway(milestonesOf(record({ guard: done(undefined, 1_000) }), whole), away)
  assert.deepEqual([begun[0]?.waiting, begun[1]?.waiting], [undefined, waiting])
  assert.equal(whileAway(ahead, undefined)[1]?.waiting, undefined)
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
  const refusals = { oldRefused: true, freshAccepted: true, deniedRefused: true }
  const proved = { url: 'https://api-1', path: '/hello', ...refusals, rounds: 3, problems: [] }
  const rows = milestonesOf(record({ prove: done([proved, { ...proved, oldRefused: null }]) }), whole)
  assert.deepEqual([rows[8]?.done, rows[8]?.wrong, rows[8]?.title], [true, true, '1 of 2 API instances are proved'])
  const none = milestonesOf(record({ prove: done([]) }), whole)[8]
  assert.deepEqual([none?.wrong, none?.title], [true, 'no API instance was named: nothing was proved'])
  const away = milestonesOf(record({ freeze: done({ unavailable: 'there is no such command' }) }), whole)[1]
  assert.deepEqual([away?.wrong, away?.title], [true, 'freezing administration: there is no such command'])
})

test('where nobody was there to be asked, that is said instead of a count of nothing', () => {
  const revision = { epoch: 1, n: 7 }
  const probes = done({ old: { kid: 'es256-old' }, instances: [], baselines: [], problems: [] })
  const rows = milestonesOf(record({ probes, verifiers: done({ revision, acknowledged: [], missing: [] }) }), whole)
  assert.deepEqual(
    [rows[2], rows[6]].map((row) => [row?.title, row?.wrong]),
    [
      ['a token by the compromised key is made, to try the APIs with: none was named', undefined],
      ['every verifier on the feed has acknowledged it: none is on it', undefined],
    ],
  )
})

test('a successor that was published before is said to have been', () => {
  const times = { activatedAt: before(1), everywhereAt: before(0) }
  const promote = done({ successors: [{ keyring: 'r', kid: 'es256-new', ...times }], windowMs: 0, keys: [] })
  const row = milestonesOf(record({ promote }), whole)[3]
  assert.match(row?.title ?? '', /: es256-new; published before it signed$/)
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
