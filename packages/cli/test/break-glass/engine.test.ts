import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { breakGlass, type IncidentRecord, type StepName, verifyEvidence } from '@rekey/breakglass'
import { type EngineEstate, planFor, startEngineEstate } from './engine-estate.ts'

describe('the procedure against a real identity provider', { timeout: 180_000 }, () => {
  let estate: EngineEstate
  let apis: string[]
  before(async () => {
    estate = await startEngineEstate()
    apis = [await estate.feedApi(), await estate.pollingApi()]
  })
  after(() => estate.stop())

  it('shuts the active key out on the feed and where it is polled, and proves it', async () => {
    const kid = await estate.signingKid()
    const s = await estate.surroundings('ada')
    const outcome = await breakGlass(planFor(kid, apis), s)
    assert.equal(outcome.contained, true, outcome.open.join('\n'))
    assert.notEqual(await estate.signingKid(), kid)
    assert.equal(outcome.record.frozen, true)
    const verdict = verifyEvidence(s.kept[0] ?? assert.fail('nothing was kept'), { signer: s.evidence.key.fingerprint })
    assert.deepEqual(verdict.problems, [])
    assert.ok(verdict.proofs.verified > 0)
    assert.equal(verdict.proofs.waiting, 0)
  })

  it('is carried out by one of two operators who begin at once, and both end with the same', async () => {
    const kid = await estate.signingKid()
    const plan = planFor(kid, apis, { incident: 'INC-2' })
    const operators = await Promise.all(['ada', 'grace'].map((name) => estate.surroundings(name)))
    const [one, other] = await Promise.all(operators.map((s) => breakGlass(plan, s)))
    assert.deepEqual([one?.contained, other?.contained], [true, true], one?.open.join('\n'))
    const ends = (record?: IncidentRecord) => record?.steps.slice(0, -1)
    assert.deepEqual(ends(one?.record), ends(other?.record))
    assert.deepEqual(
      one?.record.steps.slice(0, -1).map(({ attempts }) => attempts),
      one?.record.steps.slice(0, -1).map(() => 1),
    )
  })

  it('goes on when the identity provider is killed in the middle of steps, and comes up again', async () => {
    const kid = await estate.signingKid()
    const killedIn: StepName[] = []
    let restarting = Promise.resolve()
    const onChange = (record: IncidentRecord) => {
      const running = record.steps.find(({ state }) => state === 'running')
      const isDue = running && ['promote', 'revoke', 'prove'].includes(running.name)
      if (!isDue || killedIn.includes(running.name)) return
      killedIn.push(running.name)
      restarting = estate.kill().then(() => estate.start())
    }
    const s = await estate.surroundings('ada', { onChange })
    const outcome = await breakGlass(planFor(kid, apis, { incident: 'INC-3' }), s)
    await restarting
    assert.deepEqual(killedIn, ['promote', 'revoke', 'prove'])
    assert.equal(outcome.contained, true, outcome.open.join('\n'))
  })
})
