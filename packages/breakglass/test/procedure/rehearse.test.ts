import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { falseRemedy } from '../../src/procedure/false-remedy.ts'
import { rehearse } from '../../src/procedure/rehearse.ts'
import { openDesk } from './desk.ts'
import { planFor } from './plan.ts'

describe('a rehearsal', { timeout: 60_000 }, () => {
  it('tells what would be called and how it answers, and changes nothing', async (t) => {
    const desk = await openDesk(t)
    const nobody = 'http://127.0.0.1:9'
    const plan = planFor(desk, { apis: [{ url: desk.api }, { url: nobody }] })
    const rehearsal = await rehearse(plan, desk.operator('ada', { refreshToken: undefined }))
    assert.equal(rehearsal.inspection.key?.kid, 'old')
    assert.deepEqual(
      rehearsal.instances.map(({ url, refusal }) => [url, refusal]),
      [
        [desk.api, 401],
        [nobody, null],
      ],
    )
    assert.ok(rehearsal.warnings.some((warning) => warning.startsWith(`${nobody} could not be proved`)))
    assert.ok(rehearsal.warnings.some((warning) => warning.includes('INTERNAL_JWKS_REFRESH_TOKEN')))
    assert.deepEqual(await desk.journal.list(), [])
    assert.deepEqual(desk.issuer.state.acts, [])
  })

  it('of a key that nobody knows stops as the real one does', async (t) => {
    const desk = await openDesk(t)
    await assert.rejects(rehearse(planFor(desk, { kid: 'x' }), desk.operator('ada')), { code: 'UNKNOWN_KID' })
  })
})

describe('a false remedy', () => {
  const cases = [
    { asked: { jtis: ['t-1'], sessions: [] }, why: /gives each token a new jti/ },
    { asked: { issuedBefore: '2026-01-01T00:00:00.000Z', sessions: [] }, why: /writes any iat/ },
    { asked: { sessions: [{ all: true as const, issuedBefore: '2026-01-01T00:00:00.000Z' }] }, why: /writes any iat/ },
    { asked: { sessions: [{ sub: 'mallory' }] }, why: /writes any subject, client and session/ },
  ]
  for (const { asked, why } of cases) {
    it(`is answered with why it helps nobody: ${JSON.stringify(asked)}`, () => {
      const error = falseRemedy(asked) ?? assert.fail('it was taken for a remedy')
      assert.equal(error.code, 'FALSE_REMEDY')
      assert.match(error.message, why)
    })
  }

  it('is none together with the key', () => {
    assert.equal(falseRemedy({ kid: 'old', jtis: ['t-1'], sessions: [{ sub: 'mallory' }] }), undefined)
    assert.equal(falseRemedy({ sessions: [] }), undefined)
  })
})
