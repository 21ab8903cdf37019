import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verifyEvidence } from '../../src/evidence/verify.ts'
import { stepNames, stepOf } from '../../src/incident/record.ts'
import type { RefreshOutcome } from '../../src/instances/verdict.ts'
import { breakGlass, checkIncident, resumeIncident } from '../../src/procedure/break-glass.ts'
import { openDesk } from './desk.ts'
import { planFor } from './plan.ts'

describe('breaking the glass', { timeout: 60_000 }, () => {
  it('shuts the key out, proves it, and seals evidence that verifies', async (t) => {
    const desk = await openDesk(t)
    const operator = desk.operator('ada')
    const outcome = await breakGlass(planFor(desk), operator)
    assert.deepEqual(outcome.contained, true, outcome.open.join('\n'))
    const [proved] = outcome.instances
    assert.deepEqual([proved?.oldRefused, proved?.freshAccepted, proved?.deniedRefused], [true, true, true])
    assert.deepEqual(desk.issuer.endState.keys, [
      { kid: 'old', state: 'revoked' },
      { kid: 'new', state: 'active' },
    ])
    const verdict = verifyEvidence(operator.kept[0] ?? assert.fail('nothing was kept'), {
      signer: operator.evidence.key.fingerprint,
    })
    assert.deepEqual(verdict.problems, [])
    assert.equal(verdict.consistent, true)
  })

  it('writes every step down before it begins and when it has ended, in the order in which nothing is taken away too early', async (t) => {
    const desk = await openDesk(t)
    const { record } = await breakGlass(planFor(desk), desk.operator('ada'))
    const told = record.timeline.map(({ what }) => what).filter((what) => what.startsWith('step'))
    assert.deepEqual(
      told,
      stepNames.flatMap((name) => [`step ${name} running`, `step ${name} done`]),
    )
    assert.equal(record.frozen, true)
  })

  it('keeps no token in the record', async (t) => {
    const desk = await openDesk(t)
    const { record } = await breakGlass(planFor(desk), desk.operator('ada'))
    const token = desk.issuer.state.probe?.token ?? assert.fail('there was no probe')
    assert.equal(JSON.stringify(record).includes(token.slice(0, 40)), false)
    const probes = stepOf(record, 'probes').result as { old: object; baselines: { compromised: string }[] }
    assert.deepEqual(Object.keys(probes.old).sort(), ['expiresAt', 'jti', 'kid'])
    assert.equal(probes.baselines[0]?.compromised, 'accepted')
  })

  it('repeated when it is finished, runs nothing again and seals the evidence anew', async (t) => {
    const desk = await openDesk(t)
    await breakGlass(planFor(desk), desk.operator('ada'))
    const { acts } = desk.issuer.state
    const second = desk.operator('grace')
    const outcome = await breakGlass(planFor(desk), second)
    assert.equal(outcome.contained, true)
    assert.equal(second.kept.length, 1)
    assert.deepEqual(desk.issuer.state.acts, acts)
    assert.deepEqual(
      outcome.record.steps.map(({ attempts }) => attempts),
      stepNames.map((name) => (name === 'evidence' ? 2 : 1)),
    )
  })

  it('repeated with another plan is refused before anything is done: nobody may believe that it was', async (t) => {
    const desk = await openDesk(t)
    await breakGlass(planFor(desk), desk.operator('ada'))
    const apis = [{ url: desk.api }, { url: 'http://127.0.0.1:9' }]
    const before = [...desk.issuer.state.acts]
    await assert.rejects(breakGlass(planFor(desk, { apis }), desk.operator('ada')), {
      code: 'INCIDENT_DIFFERS',
      facts: { incident: 'INC-1', differs: ['apis'] },
    })
    assert.deepEqual(desk.issuer.state.acts, before)
    assert.equal((await breakGlass(planFor(desk, { reason: 'said otherwise' }), desk.operator('ada'))).contained, true)
  })

  it('does what the journal calls done and the provider does not know of', async (t) => {
    const desk = await openDesk(t)
    await breakGlass(planFor(desk), desk.operator('ada'))
    // As after a backup was restored, or where somebody wrote into the journal what he liked.
    desk.issuer.forgetRevocation()
    const seen = await checkIncident('INC-1', desk.operator('grace'))
    assert.equal(seen.contained, false)
    assert.match(seen.open.join(), /the compromised key is not revoked/)
    const outcome = await resumeIncident('INC-1', desk.operator('grace'))
    assert.equal(outcome.contained, true, outcome.open.join('\n'))
  })

  it('sends the secret to no API that whoever runs it did not name', async (t) => {
    const desk = await openDesk(t)
    const operator = { ...desk.operator('ada'), mayTell: () => false }
    const { record } = await breakGlass(planFor(desk), operator)
    const { result } = stepOf(record, 'refresh')
    assert.deepEqual(
      (result as RefreshOutcome[]).map(({ outcome }) => outcome),
      ['absent'],
    )
  })

  it('tells of instances in the order in which they were named, whoever may be told the secret', async (t) => {
    const desk = await openDesk(t)
    const urls = ['http://127.0.0.1:9', desk.api]
    const operator = { ...desk.operator('ada'), mayTell: ({ url }: { url: string }) => url === desk.api }
    const { instances, record } = await breakGlass(planFor(desk, { apis: urls.map((url) => ({ url })) }), operator)
    const { result } = stepOf(record, 'refresh')
    assert.deepEqual(
      [instances, result as RefreshOutcome[]].map((each) => each.map(({ url }) => url)),
      [urls, urls],
    )
  })

  it('checked later, proves again what was proved and does nothing else', async (t) => {
    const desk = await openDesk(t)
    await breakGlass(planFor(desk), desk.operator('ada'))
    const before = desk.issuer.state.acts.filter((act) => act !== 'deny')
    const outcome = await checkIncident('INC-1', desk.operator('grace'))
    assert.equal(outcome.contained, true, outcome.open.join('\n'))
    assert.deepEqual(
      desk.issuer.state.acts.filter((act) => act !== 'deny'),
      before,
    )
    const again = outcome.record.steps.filter(({ attempts }) => attempts === 2).map(({ name }) => name)
    assert.deepEqual(again, ['verifiers', 'prove', 'changes', 'evidence'])
  })

  it('stops at a key that nobody knows, before anything is written down or changed', async (t) => {
    const desk = await openDesk(t)
    const unknown = breakGlass(planFor(desk, { kid: 'nobody-knows-me' }), desk.operator('ada'))
    await assert.rejects(unknown, { code: 'UNKNOWN_KID', facts: { known: ['old', 'new'] } })
    assert.deepEqual(await desk.journal.list(), [])
    assert.deepEqual(desk.issuer.state.acts, [])
  })

  it('refuses an incident that is there about another key', async (t) => {
    const desk = await openDesk(t)
    await desk.journal.open(planFor(desk))
    const other = breakGlass(planFor(desk, { kid: 'new' }), desk.operator('ada'))
    await assert.rejects(other, { code: 'INCIDENT_DIFFERS' })
    await assert.rejects(resumeIncident('INC-2', desk.operator('ada')), { code: 'UNKNOWN_INCIDENT' })
  })

  it('names an instance that cannot be made to look, what to do, and for how long it accepts at worst', async (t) => {
    const desk = await openDesk(t, { internal: false })
    const plan = planFor(desk, { proveForMs: 100, apis: [{ url: desk.api, library: 'jose' }] })
    const outcome = await breakGlass(plan, desk.operator('ada'))
    assert.equal(outcome.contained, false)
    const sentence = outcome.open.find((open) => open.startsWith(desk.api)) ?? assert.fail(outcome.open.join('\n'))
    assert.match(sentence, /at worst: .*\(until 20/)
    assert.equal(outcome.instances[0]?.oldRefused, false)
    assert.equal(desk.issuer.endState.keys[0]?.state, 'revoked')
  })
})
