import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { BreakGlassError } from '../../src/error.ts'
import { type IncidentRecord, type StepName, stepOf } from '../../src/incident/record.ts'
import { breakGlass, checkIncident, resumeIncident } from '../../src/procedure/break-glass.ts'
import type { Surroundings } from '../../src/procedure/surroundings.ts'
import type { IdentityProvider } from '../../src/providers/port.ts'
import { type Desk, openDesk } from './desk.ts'
import { planFor } from './plan.ts'

const attemptsOf = (record: IncidentRecord) => record.steps.slice(0, -1).map(({ attempts }) => attempts)

/** Waits shorter, and leaves the clock alone: a claim lasts as long as it does. */
const pause = (ms: number, signal?: AbortSignal) => delay(ms < 5_000 ? 5 : ms, undefined, signal && { signal })

/** Calls `act` when a step is about to be asked for, before anything comes of it. */
function during(provider: IdentityProvider, name: 'freeze' | 'promote', act: () => Promise<unknown>): IdentityProvider {
  return {
    ...provider,
    [name]: async (...given: Parameters<IdentityProvider['promote']>) => {
      await act()
      return provider[name](...given)
    },
  }
}

describe('two who carry out the same incident', { timeout: 60_000 }, () => {
  it('begin at once: one does it, the other follows, and both end with the same', async (t) => {
    const desk = await openDesk(t)
    const [ada, grace] = [desk.operator('ada', { pause }), desk.operator('grace', { pause })]
    const plan = planFor(desk)
    const [one, other] = await Promise.all([breakGlass(plan, ada), breakGlass(plan, grace)])
    assert.deepEqual([one.contained, other.contained], [true, true])
    assert.deepEqual(one.record.steps.slice(0, -1), other.record.steps.slice(0, -1))
    assert.ok(attemptsOf(other.record).every((attempts) => attempts === 1))
    assert.deepEqual([ada.kept.length, grace.kept.length], [1, 1])
  })

  it('show the same: who follows sees each step of the other', async (t) => {
    const desk = await openDesk(t)
    const grace = desk.operator('grace', { pause })
    let following: Promise<unknown> = Promise.resolve()
    const provider = during(desk.operator('ada').provider, 'promote', async () => {
      following = resumeIncident('INC-1', grace)
      await until(() => grace.seen.some((record) => stepOf(record, 'promote').state === 'running'))
    })
    await breakGlass(planFor(desk), desk.operator('ada', { provider, pause }))
    await following
    assert.equal(grace.seen[0]?.claim?.runner, 'ada')
  })

  it('may not look again while one of them is at it', async (t) => {
    const desk = await openDesk(t)
    await desk.journal.open(planFor(desk))
    await desk.journal.claim('INC-1', 'ada', 15)
    const check = checkIncident('INC-1', desk.operator('grace'))
    await assert.rejects(check, (error: BreakGlassError) => {
      assert.equal(error.code, 'INCIDENT_CLAIMED')
      assert.equal(error.facts.runner, 'ada')
      return true
    })
  })

  it('one that was held up beyond its claim does nothing any more, and ends with what the other did', async (t) => {
    const desk = await openDesk(t)
    const grace = desk.operator('grace')
    const provider = during(desk.operator('ada').provider, 'promote', async () => {
      desk.advance(16_000)
      await resumeIncident('INC-1', grace)
    })
    const ada = desk.operator('ada', { provider })
    const outcome = await breakGlass(planFor(desk), ada)
    assert.equal(outcome.contained, true)
    assert.deepEqual(
      outcome.record.steps.map(({ name, runner }) => [name, runner]).slice(3, -1),
      outcome.record.steps.map(({ name }) => [name, 'grace']).slice(3, -1),
    )
    assert.deepEqual([ada.kept.length, grace.kept.length], [1, 1])
  })
})

describe('a run that is interrupted', { timeout: 60_000 }, () => {
  for (const name of ['freeze', 'promote'] as const) {
    it(`in the step ${name} lets its claim go, says how to go on, and is gone on with`, async (t) => {
      const desk = await openDesk(t)
      const stop = new AbortController()
      const hanging = new Promise(() => {})
      const provider = during(desk.operator('ada').provider, name, () => {
        stop.abort()
        return hanging
      })
      const run = breakGlass(planFor(desk), desk.operator('ada', { provider, signal: stop.signal }))
      await assert.rejects(run, { code: 'INTERRUPTED', message: /rekey break-glass resume INC-1/ })
      const stopped = await desk.journal.load('INC-1')
      assert.equal(stopped.claim, undefined)
      assert.equal(stepOf(stopped, name).state, 'running')
      assert.equal((await resumeIncident('INC-1', desk.operator('ada'))).contained, true)
    })
  }

  it('while it follows another one leaves that one alone', async (t) => {
    const desk = await openDesk(t)
    await desk.journal.open(planFor(desk))
    await desk.journal.claim('INC-1', 'ada', 60)
    const stop = new AbortController()
    const run = resumeIncident('INC-1', desk.operator('grace', { signal: stop.signal, onChange: () => stop.abort() }))
    await assert.rejects(run, { code: 'INTERRUPTED' })
    assert.equal((await desk.journal.load('INC-1')).claim?.runner, 'ada')
  })
})

describe('an identity provider that is away', { timeout: 60_000 }, () => {
  it('is waited for, and the wait is shown', async (t) => {
    const desk = await openDesk(t)
    const { surroundings, seen } = awayFor(desk, 'promote', 10_000)
    const outcome = await breakGlass(planFor(desk), surroundings)
    assert.equal(outcome.contained, true)
    assert.ok(seen('promote').some((name) => /^the identity provider: away for [5-9] s$/.test(name)))
    assert.deepEqual(stepOf(outcome.record, 'promote').waitingFor, [])
  })

  it('for longer than patience lasts ends the run with the way to go on, and nothing is lost', async (t) => {
    const desk = await openDesk(t)
    const { surroundings } = awayFor(desk, 'promote', 100_000)
    const run = breakGlass(planFor(desk), surroundings)
    await assert.rejects(run, { code: 'PROVIDER_UNREACHABLE', message: /rekey break-glass resume INC-1/ })
    const outcome = await resumeIncident('INC-1', desk.operator('ada'))
    assert.equal(outcome.contained, true)
    assert.deepEqual(attemptsOf(outcome.record).slice(0, 3), [1, 1, 1])
  })

  for (const call of ['load', 'inspect', 'open', 'claim'] as const) {
    it(`before the first step, at its ${call}, is waited for, and the wait is shown`, async (t) => {
      const desk = await openDesk(t)
      const { provider, told } = awayAt(desk, call, 10_000)
      const onAway = (away: string | undefined) => void told.push(away)
      const outcome = await breakGlass(planFor(desk), desk.operator('ada', { provider, onAway }))
      assert.equal(outcome.contained, true)
      assert.ok(told.includes('the identity provider: away for 9 s'), told.join('\n'))
      assert.equal(told.at(-1), undefined)
    })
  }

  it('when whoever follows takes over from one that is gone is waited for', async (t) => {
    const desk = await openDesk(t)
    await desk.journal.open(planFor(desk))
    await desk.journal.claim('INC-1', 'ada', 15)
    const { provider, told } = awayAt(desk, 'claim', 10_000, 2)
    const onAway = (away: string | undefined) => void told.push(away)
    assert.equal((await resumeIncident('INC-1', desk.operator('grace', { provider, onAway }))).contained, true)
    assert.ok(told.length > 0)
  })

  it('from the beginning and for long ends the run, which says of nothing that it began', async (t) => {
    const desk = await openDesk(t)
    const provider = { ...desk.operator('ada').provider, inspect: away }
    const run = breakGlass(planFor(desk), desk.operator('ada', { provider }))
    await assert.rejects(run, { code: 'PROVIDER_UNREACHABLE', message: /nothing is known to have begun/ })
    assert.deepEqual(await desk.journal.list(), [])
  })

  it('from the beginning is not waited for by whoever has enough of it', async (t) => {
    const desk = await openDesk(t)
    const stop = new AbortController()
    const provider = { ...desk.operator('ada').provider, inspect: away }
    const operator = desk.operator('ada', { provider, signal: stop.signal, onAway: () => stop.abort() })
    await assert.rejects(breakGlass(planFor(desk), operator), { code: 'INTERRUPTED', message: /nothing is known/ })
  })
})

/** Nobody answers a call for so long, from the moment on that it is made for the first time, or the nth. */
function awayAt(desk: Desk, name: 'load' | 'inspect' | 'open' | 'claim', ms: number, nth = 1) {
  const { provider, clock } = desk.operator('ada')
  const told: (string | undefined)[] = []
  let calls = 0
  let since: number | undefined
  const late =
    <Given extends unknown[], Answer>(call: (...given: Given) => Promise<Answer>) =>
    async (...given: Given): Promise<Answer> => {
      if (++calls === nth) since = clock()
      if (since !== undefined && clock() - since < ms) await away()
      return call(...given)
    }
  const { journal } = provider
  const journals = {
    load: { ...journal, load: late(journal.load) },
    open: { ...journal, open: late(journal.open) },
    claim: { ...journal, claim: late(journal.claim) },
    inspect: journal,
  }
  const inspect = name === 'inspect' ? late(provider.inspect) : provider.inspect
  return { told, provider: { ...provider, inspect, journal: journals[name] } }
}

const away = async () => {
  throw new BreakGlassError('PROVIDER_UNREACHABLE', 'nobody answers at the address')
}

/** From the moment that a step begins nobody answers, its journal neither. */
function awayFor(desk: Desk, step: StepName, ms: number) {
  const { provider, clock, seen } = desk.operator('ada')
  let since: number | undefined
  const answering =
    <Given extends unknown[], Answer>(call: (...given: Given) => Promise<Answer>) =>
    async (...given: Given): Promise<Answer> => {
      if (since !== undefined && clock() - since < ms) await away()
      const answer = await call(...given)
      if (call.name === 'step' && given[2] === step) since ??= clock()
      return answer
    }
  const members = <T extends object>(port: T): T =>
    Object.fromEntries(
      Object.entries(port).map(([name, member]) => [name, typeof member === 'function' ? answering(member) : member]),
    ) as T
  const journal = members(provider.journal)
  const told: IncidentRecord[] = seen
  const surroundings: Surroundings = desk.operator('ada', {
    provider: { ...members(provider), journal },
    onChange: (record) => void told.push(record),
  })
  return { surroundings, seen: (name: StepName) => told.flatMap((record) => stepOf(record, name).waitingFor) }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(2)
}
