import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { breakGlass, checkIncident } from '../../src/procedure/break-glass.ts'
import { openDesk } from './desk.ts'
import { planFor } from './plan.ts'

const gone = async () => ({ unavailable: 'its private half is gone' })

describe('the token that instances must refuse', { timeout: 60_000 }, () => {
  it('is the operator’s, where the provider can make none any more', async (t) => {
    const desk = await openDesk(t)
    const { provider } = desk.operator('ada')
    const old = await provider.probe(planFor(desk), 'compromised')
    const oldToken = 'token' in old ? old.token : assert.fail()
    const probe: typeof provider.probe = (plan, kind) => (kind === 'compromised' ? gone() : provider.probe(plan, kind))
    const outcome = await breakGlass(
      planFor(desk),
      desk.operator('ada', { provider: { ...provider, probe }, oldToken }),
    )
    assert.equal(outcome.contained, true, outcome.open.join('\n'))
  })

  it('cannot be had where nobody has one: then it is open whether they refuse it, and the incident is not contained', async (t) => {
    const desk = await openDesk(t)
    const { provider } = desk.operator('ada')
    const probe: typeof provider.probe = (plan, kind) => (kind === 'compromised' ? gone() : provider.probe(plan, kind))
    const outcome = await breakGlass(planFor(desk), desk.operator('ada', { provider: { ...provider, probe } }))
    assert.equal(outcome.instances[0]?.oldRefused, null)
    assert.equal(outcome.contained, false)
    assert.ok(outcome.open.includes('1 of 1 instances is not proved'), outcome.open.join('\n'))
    assert.ok(outcome.open.some((open) => open.startsWith(`${desk.api}: `)))
    assert.ok(outcome.notes.includes('no token by the compromised key: its private half is gone'))
  })

  it('proves nothing when it has run out: an incident that is looked at again too late says so', async (t) => {
    const desk = await openDesk(t)
    await breakGlass(planFor(desk), desk.operator('ada'))
    desk.advance(2 * 86_400_000)
    const outcome = await checkIncident('INC-1', desk.operator('ada'))
    assert.equal(outcome.instances[0]?.oldRefused, null)
    assert.equal(outcome.contained, false)
  })
})
