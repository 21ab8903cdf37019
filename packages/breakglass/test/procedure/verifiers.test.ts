import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { stepOf } from '../../src/incident/record.ts'
import { breakGlass } from '../../src/procedure/break-glass.ts'
import type { Acknowledgements } from '../../src/providers/port.ts'
import { systemClock } from '../clock.ts'
import { type Desk, openDesk } from './desk.ts'
import { planFor } from './plan.ts'

const revision = { epoch: 1, n: 7 }
const library = '@rekey/verifier/1'

/** A feed with one verifier that acknowledges when it was looked at so often. */
function onFeed(desk: Desk, looks: number, acceptsForMs: number) {
  const { provider } = desk.operator('ada')
  let seen = 0
  const at = new Date(systemClock()).toISOString()
  const acceptsUntil = new Date(systemClock() + acceptsForMs).toISOString()
  const acknowledgements = async (): Promise<Acknowledgements> =>
    ++seen > looks
      ? { revision, acknowledged: [{ id: 'api/1', library, at }], missing: [] }
      : { revision, acknowledged: [], missing: [{ id: 'api/1', library, acceptsUntil }] }
  return desk.operator('ada', { provider: { ...provider, acknowledgements } })
}

describe('verifiers on the feed', { timeout: 60_000 }, () => {
  it('are waited for, each by its name and with the end of what it may accept', async (t) => {
    const desk = await openDesk(t)
    const operator = onFeed(desk, 4, 15_000)
    const outcome = await breakGlass(planFor(desk), operator)
    assert.equal(outcome.contained, true, outcome.open.join('\n'))
    const waited = operator.seen.flatMap((record) => stepOf(record, 'verifiers').waitingFor)
    assert.match(waited[0] ?? '', /^api\/1 \(accepts until 20.* at most\)$/)
  })

  it('that do not acknowledge are not waited for longer than a lease, and leave the incident open', async (t) => {
    const desk = await openDesk(t)
    const outcome = await breakGlass(planFor(desk), onFeed(desk, Number.POSITIVE_INFINITY, 3_600_000))
    assert.equal(outcome.contained, false)
    assert.ok(outcome.open.some((open) => open.startsWith('the verifier api/1 has not acknowledged: it may accept')))
    const { startedAt = '', endedAt = '' } = stepOf(outcome.record, 'verifiers')
    assert.ok(Date.parse(endedAt) - Date.parse(startedAt) >= 20_000)
    assert.equal(stepOf(outcome.record, 'prove').state, 'done')
  })

  it('may go on by the clock of whoever granted them that, however far ahead that of the operator is', async (t) => {
    const desk = await openDesk(t)
    const operator = onFeed(desk, Number.POSITIVE_INFINITY, 3_600_000)
    const outcome = await breakGlass(planFor(desk), { ...operator, clock: () => systemClock() + 7_200_000 })
    assert.equal(outcome.contained, false)
    assert.ok(outcome.open.includes('1 verifier on the feed has not acknowledged'), outcome.open.join('\n'))
  })
})
