import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { stepNames, stepOf } from '../../src/incident/record.ts'
import { folderJournal } from '../../src/journal/folder.ts'
import { planFor } from '../procedure/plan.ts'

const plan = planFor({ api: 'http://localhost:1' })
const noon = Date.parse('2026-01-01T12:00:00.000Z')

function open(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), 'rekey-journal-'))
  t.after(() => rmSync(home, { recursive: true }))
  const folder = join(home, 'incidents')
  let now = noon
  const journal = folderJournal(folder, { clock: () => now, operator: 'ada' })
  return { folder, journal, wait: (ms: number) => (now += ms) }
}

const filesIn = (folder: string) => readdirSync(join(folder, 'INC-1')).sort()

describe('a folder of incidents', () => {
  it('writes one down that whoever opens it again finds as it stands', async (t) => {
    const { folder, journal, wait } = open(t)
    const opened = await journal.open(plan)
    assert.equal(opened.openedBy, 'ada')
    assert.equal(opened.openedAt, '2026-01-01T12:00:00.000Z')
    wait(1_000)
    const again = await folderJournal(folder, { clock: () => noon, operator: 'grace' }).open({
      ...plan,
      reason: 'other',
    })
    assert.deepEqual({ ...again, now: opened.now }, opened)
    await assert.rejects(journal.open({ ...plan, kid: 'another' }), { code: 'INCIDENT_DIFFERS' })
  })

  it('is readable by its owner alone', async (t) => {
    const { folder, journal } = open(t)
    await journal.open(plan)
    const [file = ''] = filesIn(folder)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    assert.equal(statSync(join(folder, 'INC-1', file)).mode & 0o777, 0o600)
  })

  it('lists the newest incident first', async (t) => {
    const { journal, wait } = open(t)
    assert.deepEqual(await journal.list(), [])
    await journal.open(plan)
    wait(1_000)
    await journal.open({ ...plan, incident: 'INC-2' })
    assert.deepEqual(
      (await journal.list()).map((record) => record.plan.incident),
      ['INC-2', 'INC-1'],
    )
  })

  it('knows nothing under a name that it never heard of, or that climbs out of it', async (t) => {
    const { journal } = open(t)
    for (const name of ['INC-9', '..', '../INC-1', '/etc']) {
      await assert.rejects(journal.load(name), { code: 'UNKNOWN_INCIDENT' })
    }
  })

  it('lets one runner at a time claim an incident, for as long as he says', async (t) => {
    const { journal, wait } = open(t)
    await journal.open(plan)
    await journal.claim('INC-1', 'ada', 15)
    await assert.rejects(journal.claim('INC-1', 'grace', 15), {
      code: 'INCIDENT_CLAIMED',
      facts: { incident: 'INC-1', runner: 'ada', until: '2026-01-01T12:00:15.000Z' },
    })
    wait(10_000)
    await journal.claim('INC-1', 'ada', 15)
    wait(14_000)
    await assert.rejects(journal.claim('INC-1', 'grace', 15), { code: 'INCIDENT_CLAIMED' })
    wait(1_000)
    assert.equal((await journal.claim('INC-1', 'grace', 15)).claim?.runner, 'grace')
    await journal.release('INC-1', 'ada')
    assert.equal((await journal.load('INC-1')).claim?.runner, 'grace')
    await journal.release('INC-1', 'grace')
    assert.equal((await journal.load('INC-1')).claim, undefined)
  })

  it('lets only whoever claimed it last write about a step', async (t) => {
    const { journal, wait } = open(t)
    await journal.open(plan)
    const running = { state: 'running' } as const
    await assert.rejects(journal.step('INC-1', 'ada', 'guard', running), { code: 'INCIDENT_CLAIMED' })
    await journal.claim('INC-1', 'ada', 15)
    wait(60_000)
    const late = await journal.step('INC-1', 'ada', 'guard', running)
    assert.equal(stepOf(late, 'guard').startedAt, '2026-01-01T12:01:00.000Z')
    await journal.claim('INC-1', 'grace', 15)
    await assert.rejects(journal.step('INC-1', 'ada', 'guard', { state: 'done' }), { code: 'INCIDENT_CLAIMED' })
  })

  it('keeps what a step came to, and what was told while it ran', async (t) => {
    const { journal, wait } = open(t)
    await journal.open(plan)
    await journal.claim('INC-1', 'ada', 15)
    await journal.step('INC-1', 'ada', 'revoke', { state: 'running', waitingFor: ['one', 'two'] })
    wait(2_000)
    await journal.step('INC-1', 'ada', 'revoke', { state: 'done', waitingFor: [], result: { revoked: [] } })
    const record = await journal.load('INC-1')
    assert.deepEqual(stepOf(record, 'revoke'), {
      name: 'revoke',
      state: 'done',
      startedAt: '2026-01-01T12:00:00.000Z',
      endedAt: '2026-01-01T12:00:02.000Z',
      runner: 'ada',
      attempts: 1,
      waitingFor: [],
      result: { revoked: [] },
    })
    assert.deepEqual(
      record.timeline.map(({ what, by }) => [what, by]),
      [
        ['opened', 'ada'],
        ['claimed', 'ada'],
        ['step revoke running', 'ada'],
        ['step revoke done', 'ada'],
      ],
    )
  })

  it('keeps whether administration is frozen, and who ended that', async (t) => {
    const { journal, wait } = open(t)
    await journal.open(plan)
    const { frozen, frozenAt } = await journal.froze('INC-1', 'ada')
    assert.deepEqual([frozen, frozenAt], [true, '2026-01-01T12:00:00.000Z'])
    wait(1_000)
    assert.equal((await journal.froze('INC-1', 'ada')).frozenAt, frozenAt)
    const ended = await journal.unfroze('INC-1', 'grace', 'over')
    assert.deepEqual([ended.frozen, ended.unfrozenBy, ended.unfrozenAt], [false, 'grace', '2026-01-01T12:00:01.000Z'])
    assert.deepEqual(ended.timeline.at(-1)?.details, { reason: 'over' })
  })

  it('loses nothing when many write at once, and keeps only its newest revisions', async (t) => {
    const { folder, journal } = open(t)
    await journal.open(plan)
    await journal.claim('INC-1', 'ada', 15)
    await Promise.all(stepNames.map((name) => journal.step('INC-1', 'ada', name, { state: 'running' })))
    const { steps, timeline } = await journal.load('INC-1')
    assert.deepEqual(
      steps.map(({ name, state }) => `step ${name} ${state}`),
      stepNames.map((name) => `step ${name} running`),
    )
    const told = timeline.map(({ what }) => what).filter((what) => what.startsWith('step '))
    assert.deepEqual(told.sort(), stepNames.map((name) => `step ${name} running`).sort())
    assert.ok(filesIn(folder).length <= 9, filesIn(folder).join(' '))
  })

  it('is claimed by one of several processes that try at the same moment', async (t) => {
    const { folder, journal } = open(t)
    await journal.open(plan)
    const claimant = fileURLToPath(new URL('./claimant.ts', import.meta.url))
    const processes = ['a', 'b', 'c', 'd'].map((name) => fork(claimant, [folder, name]))
    await Promise.all(processes.map((child) => once(child, 'message')))
    const answers = processes.map(async (child) => {
      const answer = once(child, 'message')
      child.send('now')
      return (await answer)[0]
    })
    assert.deepEqual((await Promise.all(answers)).sort(), ['claimed', 'refused', 'refused', 'refused'])
  })

  it('has the steps that the release which wrote it did not know yet, and keeps those that it knew', async (t) => {
    const { folder, journal } = open(t)
    const { now: _now, ...opened } = await journal.open(plan)
    const older = opened.steps.filter(({ name }) => name !== 'changes')
    const done = older.map((step) => (step.name === 'guard' ? { ...step, state: 'done' } : step))
    writeFileSync(join(folder, 'INC-1', '000000000002.json'), JSON.stringify({ ...opened, steps: done }))
    const record = await journal.load('INC-1')
    assert.deepEqual(
      record.steps.map(({ name }) => name),
      stepNames,
    )
    assert.deepEqual([stepOf(record, 'guard').state, stepOf(record, 'changes').state], ['done', 'pending'])
    await journal.claim('INC-1', 'ada', 15)
    const stepped = await journal.step('INC-1', 'ada', 'changes', { state: 'running' })
    assert.equal(stepOf(stepped, 'changes').state, 'running')
  })

  it('says which file is damaged, and what cannot be written', async (t) => {
    const { folder, journal } = open(t)
    await journal.open(plan)
    writeFileSync(join(folder, 'INC-1', '000000000002.json'), '{"half')
    await assert.rejects(journal.load('INC-1'), { code: 'FILE_FAILED', message: /INC-1/ })
    const blocked = join(folder, 'a file')
    writeFileSync(blocked, '')
    chmodSync(blocked, 0o400)
    const inFile = folderJournal(blocked, { clock: () => noon, operator: 'ada' })
    await assert.rejects(inFile.open(plan), { code: 'FILE_FAILED' })
    // A folder where the file of a revision should be.
    mkdirSync(join(folder, 'INC-2', '000000000001.json'), { recursive: true })
    await assert.rejects(journal.load('INC-2'), { code: 'FILE_FAILED' })
    rmSync(join(folder, 'INC-1', '000000000002.json'))
    await assert.rejects(journal.list(), { code: 'FILE_FAILED', message: /EISDIR/ })
  })
})
