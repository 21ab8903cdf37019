import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVerifier, jwksPolling, trustFeed } from '../src/index.ts'
import { makeEstate, one, startWith } from './support/estate.ts'
import { AUDIENCE, compact, goodClaims, ISSUER, refused } from './support/keys.ts'
import { TrustIssuer } from './support/trust-issuer.ts'

describe('createVerifier', { timeout: 20_000 }, () => {
  it('wants at+jwt by default, in any spelling of the media type', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt']) {
      assert.ok(estate.verifier.verify(compact(one, goodClaims(), { typ })))
    }
    for (const typ of ['JWT', 'logout+jwt', '', undefined]) {
      const token = compact(one, goodClaims(), { typ })
      assert.throws(() => estate.verifier.verify(token), refused('type_mismatch'))
    }
  })

  it('holds tokens against its issuer, its audience and its clock', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    const open = (claims: Record<string, unknown>) =>
      estate.verifier.verify(compact(one, { ...goodClaims(), ...claims }, { typ: 'at+jwt' }))
    assert.throws(() => open({ iss: 'https://other.example' }), refused('issuer_mismatch'))
    assert.throws(() => open({ aud: 'other' }), refused('audience_mismatch'))
    assert.throws(() => open({ exp: estate.clock.wallMs() / 1000 }), refused('token_expired'))
  })

  it('runs on the clock, the network and the randomness of the machine when given no others', async (t) => {
    const issuer = await TrustIssuer.listen()
    t.after(() => issuer.close())
    const trust = trustFeed({ url: issuer.url, clientId: 'c', clientSecret: 's', onLeaseLost: 'fail-closed' })
    const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], trust })
    const started = verifier.start()
    const feed = await issuer.feeds.next()
    feed.send({ epoch: 1, n: 1, full: true, jwks: { keys: [one.jwk] } })
    await started
    const exp = Math.floor(Date.now() / 1000) + 60
    assert.ok(verifier.verify(compact(one, { ...goodClaims(), exp }, { typ: 'at+jwt' })))
    assert.ok(verifier.trust.leaseLeftMs > 10_000)
    feed.end()
    assert.equal((await issuer.feeds.next()).lastEventId, '1.1')
    await verifier.close()
    await issuer.goodbyes.next()
  })

  it('takes wrong use for a TypeError', () => {
    const trust = jwksPolling({ jwksUri: 'https://idp.example.com/jwks.json' })
    const good = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], trust }
    assert.ok(createVerifier(good))
    assert.ok(createVerifier({ ...good, issuer: null, audience: null, requiredTyp: null }))
    const wrong: Record<string, unknown>[] = [
      { issuer: undefined },
      { audience: undefined },
      { algorithms: [] },
      { algorithms: undefined },
      { trust: undefined },
      { requiredTyp: '' },
      { clockToleranceMs: -1 },
    ]
    for (const options of wrong) assert.throws(() => createVerifier({ ...good, ...options } as never), TypeError)
    assert.throws(() => createVerifier(undefined as never), TypeError)
  })
})
