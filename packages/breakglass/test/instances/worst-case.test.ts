import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { worstCaseOf } from '../../src/instances/worst-case.ts'

const since = '2026-11-21T12:00:00.000Z'

describe('for how long an instance goes on accepting at worst', () => {
  for (const [library, until] of [
    ['jose', '2026-11-21T12:10:00.000Z'],
    ['jose@6.2.17', '2026-11-21T12:10:00.000Z'],
    ['jwks-rsa 4', '2026-11-21T12:10:00.000Z'],
    ['aws-jwt-verify', null],
    ['get-jwks', null],
    ['fast-jwt', '2026-11-21T12:10:00.000Z'],
    ['go-oidc/v3', null],
    ['PyJWT 2.9', '2026-11-21T12:05:00.000Z'],
    ['Spring', null],
    ['spring-servlet', '2026-11-21T12:05:00.000Z'],
    ['.NET', '2026-11-22T01:00:00.000Z'],
    ['Envoy', '2026-11-21T12:10:00.000Z'],
    ['istio', '2026-11-21T12:20:00.000Z'],
    ['mod_auth_openidc', '2026-11-21T13:00:00.000Z'],
    ['@rekey/verifier', '2026-11-21T13:00:00.000Z'],
    ['@rekey/verifier/0.1.0', '2026-11-21T13:00:00.000Z'],
    ['@rekey/verifier-feed', '2026-11-21T12:00:15.000Z'],
  ] as const) {
    it(`is known of ${library}`, () => {
      const worst = worstCaseOf(library, since)
      assert.equal(worst.until, until)
      assert.ok(worst.text.startsWith(`${library} `))
    })
  }

  it('is not known of anything else, and is said so', () => {
    assert.deepEqual(worstCaseOf('homemade', since), { text: 'no bound is known for homemade', until: null })
    assert.equal(worstCaseOf('constructor', since).until, null)
    assert.match(worstCaseOf(undefined, since).text, /is not known/)
  })
})
