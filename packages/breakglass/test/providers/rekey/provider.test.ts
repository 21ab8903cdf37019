import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BreakGlassError } from '../../../src/error.ts'
import type { ApiRequest } from '../../../src/providers/rekey/api.ts'
import { rekeyProvider } from '../../../src/providers/rekey/provider.ts'
import { planFor } from '../../procedure/plan.ts'

const plan = planFor({ api: 'http://localhost:1' })

/** An API that answers everything alike, and what it was asked for. */
function answering(answer: unknown) {
  const asked: ApiRequest[] = []
  const provider = rekeyProvider({
    async call(request) {
      asked.push(request)
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  return { provider, lines: () => asked.map(({ method, path }) => `${method} ${path}`), asked }
}

function refusing(code: string, details?: unknown) {
  return answering(new BreakGlassError('PROVIDER_REFUSED', 'the API says so', { code, status: 409, details })).provider
}

describe('Rekey’s own identity provider as the procedure asks it', () => {
  it('is asked below /incidents, and never about another incident', async () => {
    const { provider, lines } = answering({ incidents: [] })
    const { journal } = provider
    await journal.list()
    await journal.load('INC-1')
    await journal.claim('INC-1', 'ada', 15)
    await journal.release('INC-1', 'ada')
    await journal.step('INC-1', 'ada', 'prove', { state: 'done' })
    await provider.freeze(plan)
    await provider.probe(plan, 'fresh')
    await provider.promote(plan, () => {})
    await provider.revoke(plan, () => {})
    await provider.endSessions(plan)
    await provider.acknowledgements('INC-1')
    await provider.changes(plan)
    await provider.record('INC-1')
    await provider.unfreeze('INC-1', {})
    await assert.doesNotReject(journal.load('../keyrings'))
    assert.deepEqual(lines(), [
      'GET /incidents',
      'GET /incidents/INC-1',
      'POST /incidents/INC-1/claim',
      'POST /incidents/INC-1/release',
      'PUT /incidents/INC-1/steps/prove',
      'POST /incidents/INC-1/freeze',
      'POST /incidents/INC-1/probes',
      'POST /incidents/INC-1/promote',
      'POST /incidents/INC-1/revoke',
      'POST /incidents/INC-1/sessions',
      'GET /incidents/INC-1/acknowledgements',
      'GET /incidents/INC-1/changes',
      'GET /incidents/INC-1/record',
      'POST /incidents/INC-1/unfreeze',
      'GET /incidents/..%2Fkeyrings',
    ])
  })

  it('opens an incident without carrying it out there, and looks without opening one', async () => {
    const { provider, asked } = answering({})
    await provider.journal.open(plan)
    await provider.inspect(plan)
    assert.deepEqual(
      asked.map(({ body }) => body),
      [
        { ...plan, run: false },
        { ...plan, dryRun: true },
      ],
    )
  })

  it('says on whom it waits for the two acts that every instance must confirm', async () => {
    const { provider } = answering({})
    const waiting: string[] = []
    await provider.promote(plan, (names) => waiting.push(...names))
    await provider.revoke(plan, (names) => waiting.push(...names))
    assert.equal(waiting.length, 2)
    assert.ok(waiting.every((name) => name.includes('every live instance')))
  })

  for (const code of [
    'INCIDENT_DIFFERS',
    'UNKNOWN_INCIDENT',
    'UNKNOWN_KID',
    'FALSE_REMEDY',
    'SELF_LOCK',
    'PLAN_INVALID',
  ]) {
    it(`refuses with ${code}, which means the same to the procedure`, async () => {
      await assert.rejects(refusing(code).journal.open(plan), { code, message: 'the API says so' })
    })
  }

  it('tells who claimed an incident', async () => {
    const details = { runner: 'grace', until: '2026-01-01T12:00:00.000Z' }
    await assert.rejects(refusing('INCIDENT_CLAIMED', details).journal.claim('INC-1', 'ada', 15), (error) => {
      assert.ok(error instanceof BreakGlassError)
      assert.equal(error.code, 'INCIDENT_CLAIMED')
      assert.deepEqual([error.facts.runner, error.facts.until], [details.runner, details.until])
      return true
    })
  })

  for (const code of ['KEY_CANNOT_SIGN', 'NOT_FROZEN']) {
    it(`may be unable to sign by a key any more (${code}), which is no failure`, async () => {
      const probe = await refusing(code).probe(plan, 'compromised')
      assert.deepEqual(probe, { unavailable: 'the API says so' })
    })
  }

  it('passes on every other refusal, and that nobody answers', async () => {
    await assert.rejects(refusing('FORBIDDEN').freeze(plan), { code: 'PROVIDER_REFUSED' })
    const away = answering(new BreakGlassError('PROVIDER_UNREACHABLE', 'nobody answers')).provider
    await assert.rejects(away.probe(plan, 'fresh'), { code: 'PROVIDER_UNREACHABLE' })
  })
})
