import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { knowsIssuerEntries } from '../../src/trust/knows-issuer.ts'
import { apiProcess, startEstate } from '../estate.ts'

describe('an entry about everything that an issuer issued', { timeout: 60_000 }, () => {
  const libraries: [string, boolean][] = [
    ['@rekey/verifier/0.1.0', false],
    ['@rekey/verifier/0.1.9', false],
    ['@rekey/verifier/0.2.0', true],
    ['@rekey/verifier/0.10.0', true],
    ['@rekey/verifier/1.0.0', true],
    ['somebody/1', true],
  ]
  for (const [library, knows] of libraries) {
    test(`is ${knows ? '' : 'not '}known to ${library}`, () => assert.equal(knowsIssuerEntries(library), knows))
  }

  test('is kept from verifiers that would lose their lease over it, and that is said', async () => {
    const estate = await startEstate()
    try {
      const idp = await estate.instance()
      const old = apiProcess(idp, { instance: 'old' })
      await old.catchUp()
      await old.ask({ library: '@rekey/verifier/0.1.0' })
      const entry = { iss: idp.url, issuedBefore: new Date().toISOString() }
      const refused = await idp.manage('POST', '/api/v1/denied', { entries: [entry] })
      assert.deepEqual([refused.status, refused.body.code], [409, 'VERIFIERS_TOO_OLD'])
      assert.deepEqual(refused.body.details.verifiers, [old.id])

      const { body } = await idp.manage('GET', '/api/v1/keyrings/signing-es256')
      const about = { incident: 'INC-1', kid: body.versions[0].id, reason: 'drill', sessions: [{ all: true }] }
      await idp.manage('POST', '/api/v1/incidents', { ...about, run: false })
      const ended = await idp.manage('POST', '/api/v1/incidents/INC-1/sessions')
      assert.equal(ended.status, 200)
      assert.match(ended.body.incomplete, /api\/old/)
      assert.deepEqual(ended.body.entries, [])
      assert.deepEqual((await idp.manage('GET', '/api/v1/denied')).body.entries, [])
    } finally {
      await estate.stop()
    }
  })
})
