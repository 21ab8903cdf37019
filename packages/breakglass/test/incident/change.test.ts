import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addToTimeline, changeStep } from '../../src/incident/change.ts'
import { newSteps, stepOf, type TimelineEntry } from '../../src/incident/record.ts'
import type { StepChange } from '../../src/journal/journal.ts'

const at = (second: number) => new Date(second * 1_000).toISOString()

/** Writes one thing after the other about one step, a second apart, and tells what became of it. */
function written(...changes: (StepChange & { by?: string })[]) {
  let story = { steps: newSteps(), timeline: [] as TimelineEntry[] }
  for (const [second, { by = 'ann', ...change }] of changes.entries()) {
    story = changeStep(story, 'revoke', change, { runner: by, at: at(second) })
  }
  return { step: stepOf(story, 'revoke'), told: story.timeline.map(({ what, by }) => `${by}: ${what}`), ...story }
}

describe('what is written about a step', () => {
  test('says when it was begun, by whom and how often, and leaves the other steps as they are', () => {
    const { step, steps, told } = written({ state: 'running', waitingFor: ['one'] })
    assert.deepEqual(step, {
      name: 'revoke',
      state: 'running',
      startedAt: at(0),
      runner: 'ann',
      attempts: 1,
      waitingFor: ['one'],
    })
    assert.deepEqual(
      steps.filter(({ state }) => state !== 'pending').map(({ name }) => name),
      ['revoke'],
    )
    assert.deepEqual(told, ['ann: step revoke running'])
  })

  test('counts no repetition of what was written already', () => {
    const { step, told } = written({ state: 'running' }, { state: 'running' }, { waitingFor: ['two'] })
    assert.deepEqual([step.attempts, step.startedAt, step.waitingFor], [1, at(0), ['two']])
    assert.equal(told.length, 1)
    const done = written({ state: 'running' }, { state: 'done', result: 1 }, { state: 'done', result: 1 })
    assert.deepEqual([done.step.endedAt, done.told.length], [at(1), 2])
  })

  test('tells when another runner takes a step over that was running', () => {
    const { step, told } = written({ state: 'running' }, { state: 'running', by: 'bob' })
    assert.deepEqual([step.attempts, step.runner, step.startedAt], [2, 'bob', at(1)])
    assert.deepEqual(told, ['ann: step revoke running', 'bob: step revoke running'])
  })

  test('takes away what it waited for and what went wrong, where it ends or begins anew', () => {
    const error = { code: 'PROVIDER_UNREACHABLE', message: 'gone' }
    const failing: StepChange[] = [
      { state: 'running', waitingFor: ['one'] },
      { state: 'failed', error },
    ]
    const failed = written(...failing)
    assert.deepEqual([failed.step.error, failed.step.waitingFor, failed.step.endedAt], [error, [], at(1)])
    assert.deepEqual(failed.timeline.at(-1)?.details, error)
    const again = written(...failing, { state: 'running' })
    assert.equal('error' in again.step || 'endedAt' in again.step, false)
  })

  test('keeps a result until it is written anew or taken away', () => {
    const result = { revoked: [] }
    const done: StepChange[] = [{ state: 'running' }, { state: 'done', result }]
    assert.deepEqual(written(...done, { state: 'running' }).step.result, result)
    assert.deepEqual(written(...done, { result: [] }).step.result, [])
    assert.equal('result' in written(...done, { result: null }).step, false)
  })
})

describe('a timeline that became too long', () => {
  test('keeps both its ends, and says how many entries are left out', () => {
    let timeline: TimelineEntry[] = []
    for (let second = 0; second < 5_000; second += 1) {
      timeline = addToTimeline(timeline, { at: at(second), what: `event ${second}`, by: 'ann' })
    }
    assert.equal(timeline.length, 1_001)
    assert.deepEqual([timeline[0]?.what, timeline[499]?.what], ['event 0', 'event 499'])
    assert.deepEqual([timeline[501]?.what, timeline.at(-1)?.what], ['event 4500', 'event 4999'])
    assert.deepEqual(timeline[500], {
      at: at(4_499),
      what: 'entries left out',
      by: 'journal',
      details: { entries: 4_000 },
    })
    const times = timeline.map(({ at }) => at)
    assert.deepEqual(times, times.toSorted())
  })
})
