import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { BreakGlassError } from '../../src/error.ts'
import { readEvidenceKey } from '../../src/evidence/key.ts'
import { evidenceReport, readEvidenceFile } from '../../src/evidence/open.ts'
import { stepOf } from '../../src/incident/record.ts'
import { breakGlass, checkIncident, resumeIncident } from '../../src/procedure/break-glass.ts'
import { openDesk } from './desk.ts'
import { planFor } from './plan.ts'

const fails = async () => {
  throw new BreakGlassError('COMMAND_FAILED', 'freeze ended with 1')
}

describe('a step that fails', { timeout: 60_000 }, () => {
  it('keeps nobody from shutting the key out, stays open, and is made up for by the next run', async (t) => {
    const desk = await openDesk(t)
    const provider = { ...desk.operator('ada').provider, freeze: fails }
    const first = await breakGlass(planFor(desk), desk.operator('ada', { provider }))
    assert.equal(desk.issuer.endState.keys[0]?.state, 'revoked')
    assert.equal(stepOf(first.record, 'freeze').state, 'failed')
    assert.deepEqual(first.open[0], 'the step freeze failed: freeze ended with 1')
    const second = await resumeIncident('INC-1', desk.operator('ada'))
    assert.deepEqual(
      second.record.steps.filter(({ attempts }) => attempts === 2).map(({ name }) => name),
      ['freeze', 'verifiers', 'refresh', 'prove', 'changes', 'evidence'],
    )
    assert.equal(second.contained, true)
    assert.equal(
      second.open.some((open) => open.includes('failed')),
      false,
    )
  })

  it('without which the rest would be of no use ends the run, and is tried again by the next one', async (t) => {
    const desk = await openDesk(t)
    const provider = { ...desk.operator('ada').provider, promote: fails }
    const run = breakGlass(planFor(desk), desk.operator('ada', { provider }))
    await assert.rejects(run, { code: 'COMMAND_FAILED' })
    const stopped = await desk.journal.load('INC-1')
    assert.deepEqual(stepOf(stopped, 'promote').error, { code: 'COMMAND_FAILED', message: 'freeze ended with 1' })
    assert.equal(stopped.claim, undefined)
    assert.equal(stepOf(stopped, 'revoke').state, 'pending')
    assert.equal((await resumeIncident('INC-1', desk.operator('ada'))).contained, true)
  })

  it('of which nobody knows what it would have shown leaves the incident not contained', async (t) => {
    const desk = await openDesk(t)
    const provider = { ...desk.operator('ada').provider, acknowledgements: fails }
    const outcome = await breakGlass(planFor(desk), desk.operator('ada', { provider }))
    assert.ok(outcome.instances.length > 0)
    assert.equal(outcome.contained, false)
  })

  it('by a defect tells of it without repeating a secret', async (t) => {
    const desk = await openDesk(t)
    const secret = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtYWxsb3J5In0.c2lnbmF0dXJl'
    const defect = async () => {
      throw new TypeError(`invalid header value ${secret}`)
    }
    const provider = { ...desk.operator('ada').provider, changes: defect }
    const { record } = await breakGlass(planFor(desk), desk.operator('ada', { provider }))
    const { code, message = '' } = stepOf(record, 'changes').error ?? {}
    assert.equal(code, 'UNEXPECTED')
    assert.match(message, /^TypeError: invalid header value /)
    assert.ok(!message.includes(secret.slice(0, 12)), message)
  })

  it('in the middle is seen by whoever only looks again, and who says that it is not done', async (t) => {
    const desk = await openDesk(t)
    const provider = { ...desk.operator('ada').provider, revoke: fails }
    await assert.rejects(breakGlass(planFor(desk), desk.operator('ada', { provider })), { code: 'COMMAND_FAILED' })
    const looked = await checkIncident('INC-1', desk.operator('grace'))
    assert.equal(looked.contained, false)
    assert.equal(desk.issuer.endState.keys[0]?.state, 'retiring')
    assert.ok(
      looked.open.some((open) => open.startsWith('not done yet: sessions, refresh.')),
      looked.open.join('\n'),
    )
    const outcome = await resumeIncident('INC-1', desk.operator('ada'))
    assert.equal(outcome.contained, true, outcome.open.join('\n'))
  })
})

describe('a record whose proofs do not come', { timeout: 60_000 }, () => {
  it('is waited for shortly, then sealed as it is, and the evidence says what it lacks', async (t) => {
    const desk = await openDesk(t)
    const incomplete = '3 events wait for their proof'
    const record = async () => ({ events: [], incomplete })
    const operator = desk.operator('ada', { provider: { ...desk.operator('ada').provider, record } })
    const outcome = await breakGlass(planFor(desk), operator)
    assert.equal(outcome.contained, true)
    assert.ok(outcome.notes.includes(`the provider's own record of this: ${incomplete}`), outcome.notes.join('\n'))
    assert.ok(operator.seen.some((seen) => stepOf(seen, 'evidence').waitingFor.includes(incomplete)))
    const [bytes = assert.fail()] = operator.kept
    const { sealedBy } = JSON.parse(readEvidenceFile(bytes, 'evidence.json'))
    assert.ok(Math.abs(sealedBy.clockOffsetMs) < 1_000, 'to have waited is not to have a clock that is ahead')
  })
})

describe('a record that cannot be read', { timeout: 60_000 }, () => {
  it('keeps no evidence from being sealed, which says so', async (t) => {
    const desk = await openDesk(t)
    const operator = desk.operator('ada', { provider: { ...desk.operator('ada').provider, record: fails } })
    const outcome = await breakGlass(planFor(desk), operator)
    assert.equal(outcome.contained, true)
    assert.ok(
      outcome.notes.includes("the provider's own record of this: freeze ended with 1"),
      outcome.notes.join('\n'),
    )
    const [bytes = assert.fail()] = operator.kept
    assert.match(
      evidenceReport(bytes),
      /## To know besides\n\n(?:- .*\n)*- the .*record of this: freeze ended with 1\n/,
    )
  })
})

describe('a run that would take away what it needs itself', () => {
  it('is refused for what the identity provider finds in the way, all of it at once', async (t) => {
    const desk = await openDesk(t)
    const { provider } = desk.operator('ada')
    const obstacles = ['one thing', 'another'].map((message) => ({ code: 'SELF_LOCK' as const, message }))
    const inspect: typeof provider.inspect = async (plan) => ({ ...(await provider.inspect(plan)), obstacles })
    const run = breakGlass(planFor(desk), desk.operator('ada', { provider: { ...provider, inspect } }))
    await assert.rejects(run, { code: 'SELF_LOCK', message: 'one thing; another' })
    assert.deepEqual(await desk.journal.list(), [])
  })

  it('is refused when evidence would be signed by the compromised key', async (t) => {
    const desk = await openDesk(t)
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const { crv, kty, x } = publicKey.export({ format: 'jwk' })
    const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
    const { provider, evidence } = desk.operator('ada')
    const inspect: typeof provider.inspect = async (plan) => {
      const inspection = await provider.inspect(plan)
      return { ...inspection, ...(inspection.key && { key: { ...inspection.key, thumbprint } }) }
    }
    const key = readEvidenceKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
    const more = { provider: { ...provider, inspect }, evidence: { ...evidence, key } }
    await assert.rejects(breakGlass(planFor(desk), desk.operator('ada', more)), { code: 'SELF_LOCK' })
    assert.deepEqual(desk.issuer.state.acts, [])
  })

  it('is refused for an old token that is by another key, or none at all', async (t) => {
    const desk = await openDesk(t)
    const { provider } = desk.operator('ada')
    const fresh = await provider.probe(planFor(desk), 'fresh')
    const other = 'token' in fresh ? fresh.token : assert.fail()
    const byNew = breakGlass(planFor(desk, { kid: 'new' }), desk.operator('ada', { oldToken: other }))
    await assert.rejects(byNew, { code: 'PLAN_INVALID' })
    const none = breakGlass(planFor(desk), desk.operator('ada', { oldToken: 'no token' }))
    await assert.rejects(none, { code: 'PLAN_INVALID' })
    assert.deepEqual(await desk.journal.list(), [])
  })
})
