import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { createVerifier, denyList, jwksPolling, sharedSecrets, trustFeed, type Verifier } from '../src/index.ts'
import { makeEstate, one, setOf, startWith, two } from './support/estate.ts'
import { AUDIENCE, compact, encode, goodClaims, ISSUER, NOW_MS, refused } from './support/keys.ts'
import { TrustIssuer } from './support/trust-issuer.ts'

/** A refresh over the feed, which the issuer answers with the one key. */
async function refreshed(verifier: Verifier, issuer: TrustIssuer) {
  const asked = verifier.refresh()
  const feed = await issuer.feeds.next()
  feed.send({ epoch: 1, n: 1, full: true, jwks: setOf(one) })
  return asked
}

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
    assert.ok(verifier.verify(compact(one, { ...goodClaims(), iat: exp - 60, exp }, { typ: 'at+jwt' })))
    assert.ok(verifier.trust.leaseLeftMs > 10_000)
    feed.end()
    assert.equal((await issuer.feeds.next()).lastEventId, '1.1')
    await verifier.close()
    await issuer.goodbyes.next()
  })

  it('refuses tokens that live longer than its deny-list remembers, and by default none for that', async (t) => {
    const month = 30 * 86_400
    const claims = (life: number) => ({ ...goodClaims(), exp: NOW_MS / 1000 + life })
    const open = ({ verifier }: { verifier: Verifier }, life: number) =>
      verifier.verify(compact(one, claims(life), { typ: 'at+jwt' }))
    const without = await makeEstate(t)
    await startWith(without, [one])
    assert.ok(open(without, 12 * month))
    const remembering = await makeEstate(t, { verifierOptions: { denyList: denyList() } })
    await startWith(remembering, [one])
    assert.ok(open(remembering, month))
    assert.throws(() => open(remembering, month + 1), refused('token_lifetime_too_long'))
  })

  it('counts what it did, and says what it holds when it begins', async (t) => {
    const estate = await makeEstate(t)
    const bootstrapped = once(estate.verifier, 'bootstrapped')
    await startWith(estate, [one])
    const [facts] = await bootstrapped
    assert.deepEqual([facts.issuer, facts.kids], [ISSUER, ['one']])
    const good = compact(one, goodClaims(), { typ: 'at+jwt' })
    assert.deepEqual(await estate.verifier.tryAuthenticate(good).then(({ ok }) => ok), true)
    const refusal = estate.verifier.tryVerify(compact(two, goodClaims(), { typ: 'at+jwt' }))
    assert.equal(refusal.ok ? 'ok' : refusal.code, 'key_unknown')
    await assert.rejects(estate.verifier.authenticate('x'), refused('token_malformed'))
    const { verdicts, asked, keyChanges, lastUsedMs, denied } = estate.verifier.metrics()
    assert.deepEqual(Object.fromEntries(verdicts), { ok: 1, key_unknown: 1, token_malformed: 1 })
    assert.deepEqual(Object.fromEntries(asked), { ok: 1 })
    assert.deepEqual([keyChanges, denied], [{ added: 1, removed: 0, revoked: 0 }, 0])
    assert.deepEqual(Object.fromEntries(lastUsedMs), { one: NOW_MS })
  })

  for (const verdictCache of [undefined, { maxEntries: 10 }]) {
    const how = verdictCache === undefined ? '' : ', remembered or not'
    it(`refuses a denied key also where the token does not name it${how}`, async (t) => {
      const { verifier, ...estate } = await makeEstate(t, { verifierOptions: { verdictCache } as never })
      await startWith({ verifier, ...estate }, [one])
      const nameless = compact(one, goodClaims(), { typ: 'at+jwt', kid: undefined })
      assert.ok(verifier.verify(nameless))
      await verifier.deny([{ kid: 'one' }])
      assert.throws(() => verifier.verify(nameless), refused('key_unknown'))
      assert.deepEqual((await refreshed(verifier, estate.issuer)).kids, [])
      await verifier.allow([{ kid: 'one' }])
      assert.ok(verifier.verify(nameless))
    })
  }

  it('refuses a denied secret whatever the token names', async () => {
    const secrets = ['n'.repeat(32), 'o'.repeat(32)]
    const trust = sharedSecrets({ secrets })
    const verifier = createVerifier({ issuer: null, audience: null, algorithms: ['HS256'], requiredTyp: null, trust })
    await verifier.start()
    const [, old = ''] = verifier.trust.kids
    const exp = Math.floor(Date.now() / 1000) + 60
    const tokens = [{}, { kid: 'mine' }].map((header) => {
      const input = `${encode({ alg: 'HS256', ...header })}.${encode({ exp })}`
      return `${input}.${createHmac('sha256', secrets[1] as string)
        .update(input)
        .digest('base64url')}`
    })
    for (const token of tokens) assert.ok(verifier.verify(token))
    await verifier.deny([{ kid: old }])
    for (const token of tokens) assert.throws(() => verifier.verify(token), refused('signature_invalid'))
    await verifier.close()
  })

  it('is told of what operators did, for the log', async (t) => {
    const { verifier, issuer, ...estate } = await makeEstate(t)
    await startWith({ verifier, issuer, ...estate }, [one])
    const heardOf: unknown[] = []
    for (const event of ['refreshed', 'denied', 'allowed'] as const) {
      verifier.on(event, (facts: unknown) => heardOf.push([event, facts]))
    }
    const found = await refreshed(verifier, issuer)
    await verifier.deny([{ jti: 'a' }])
    await verifier.allow([{ jti: 'a' }])
    await assert.rejects(verifier.deny([{ jti: '' }]), refused('deny_entry_invalid'))
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(heardOf, [
      ['refreshed', found],
      ['denied', [{ jti: 'a' }]],
      ['allowed', [{ jti: 'a' }]],
    ])
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
      { clockToleranceMs: 300_001, denyList: denyList() },
      { maxTokenLifetimeMs: 0 },
      { verdictCache: { maxEntries: 0 } },
      { verdictCache: {} },
    ]
    for (const options of wrong) assert.throws(() => createVerifier({ ...good, ...options } as never), TypeError)
    assert.throws(() => createVerifier(undefined as never), TypeError)
    const misspelt: [RegExp, () => unknown][] = [
      [/a verifier has no option 'clockTolerance'/, () => createVerifier({ ...good, clockTolerance: 5 } as never)],
      [/jwksPolling has no option 'refresh'/, () => jwksPolling({ jwksUri: 'https://a.example', refresh: 5 } as never)],
      [/trustFeed has no option 'state'/, () => trustFeed({ issuer: 'https://a.example', state: '' } as never)],
      [/sharedSecrets has no option 'secret'/, () => sharedSecrets({ secret: 'x' } as never)],
      [/denyList has no option 'path'/, () => denyList({ path: 'x' } as never)],
    ]
    for (const [message, make] of misspelt) assert.throws(make, { name: 'TypeError', message })
  })
})
