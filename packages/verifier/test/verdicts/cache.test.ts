import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { VerdictCache } from '../../src/verdicts/cache.ts'
import { heard, makeEstate, one, setOf, startWith, tokenOf, two } from '../support/estate.ts'
import { compact, goodClaims, NOW_MS, refused } from '../support/keys.ts'

async function cachingEstate(t: TestContext, maxEntries = 100) {
  const estate = await makeEstate(t, { verifierOptions: { verdictCache: { maxEntries } } })
  const feed = await startWith(estate, [one, two])
  const hits = () => estate.verifier.metrics().cache?.hits
  return { ...estate, feed, hits }
}

describe('the verdict cache', { timeout: 20_000 }, () => {
  it('is off unless it is asked for', async (t) => {
    const { verifier } = await makeEstate(t)
    assert.equal(verifier.metrics().cache, null)
  })

  it('answers a token that it has seen, whoever brings it, with the same frozen objects', async (t) => {
    const { verifier, hits } = await cachingEstate(t)
    const token = compact(one, { ...goodClaims(), realm_access: { roles: ['a'] } }, { typ: 'at+jwt' })
    const first = verifier.verify(token)
    const again = verifier.verify(Buffer.from(token).toString())
    assert.equal(again, first)
    assert.equal(hits(), 1)
    assert.throws(() => (again.payload.realm_access.roles as string[]).push('admin'), TypeError)
    assert.throws(() => Object.assign(again.payload, { sub: 'admin' }), TypeError)
  })

  it('does not remember a token that was refused', async (t) => {
    const { verifier, hits } = await cachingEstate(t)
    const bad = `${tokenOf(one).slice(0, -4)}AAAA`
    for (const _ of [1, 2]) assert.throws(() => verifier.verify(bad), refused('signature_invalid'))
    assert.equal(hits(), 0)
    assert.equal(verifier.metrics().cache?.entries, 0)
  })

  it('refuses a remembered token the moment its key is revoked, where others believe their cache for ten minutes', async (t) => {
    const { verifier, feed } = await cachingEstate(t)
    const token = tokenOf(one)
    verifier.verify(token)
    verifier.verify(token)
    feed.send({ epoch: 1, n: 2, full: false, jwks: setOf(two), revokedKids: ['one'] })
    await heard(verifier, 'keyRevoked')
    assert.throws(() => verifier.verify(token), refused('key_revoked'))
    assert.equal(verifier.metrics().cache?.entries, 0)
  })

  it('refuses a remembered token the moment its key is withdrawn', async (t) => {
    const { verifier, feed } = await cachingEstate(t)
    const token = tokenOf(one)
    verifier.verify(token)
    feed.send({ epoch: 1, n: 2, full: false, jwks: setOf(two) })
    await heard(verifier, 'keyRemoved')
    assert.throws(() => verifier.verify(token), refused('key_retired'))
  })

  it('refuses a remembered token the moment it is denied, and takes it again when that is taken back', async (t) => {
    const { verifier, hits } = await cachingEstate(t)
    const token = tokenOf(one)
    const issuedBefore = new Date(NOW_MS + 1_000).toISOString()
    for (const entry of [{ jti: 'j-1' }, { sub: 'agent-1', issuedBefore }]) {
      verifier.verify(token)
      await verifier.deny([entry])
      assert.throws(() => verifier.verify(token), refused('token_denied'))
      await verifier.allow([entry])
      assert.ok(verifier.verify(token))
    }
    await verifier.deny([{ kid: 'one' }])
    assert.throws(() => verifier.verify(token), refused('key_revoked'))
    assert.equal(hits(), 6)
  })

  it('asks the time and the lease at every use', async (t) => {
    const { verifier, clock } = await cachingEstate(t)
    const short = compact(one, { ...goodClaims(), exp: NOW_MS / 1000 + 5 }, { typ: 'at+jwt' })
    const long = tokenOf(one)
    verifier.verify(short)
    verifier.verify(long)
    clock.jumpWall(5_000)
    assert.throws(() => verifier.verify(short), refused('token_expired'))
    assert.ok(verifier.verify(long))
    clock.jumpWall(10_000)
    assert.throws(() => verifier.verify(long), refused('trust_unavailable'))
  })

  it('asks again whether a token is valid already, when the clock was set back', async (t) => {
    const { verifier, clock } = await cachingEstate(t)
    const token = compact(one, { ...goodClaims(), nbf: NOW_MS / 1000 }, { typ: 'at+jwt' })
    verifier.verify(token)
    clock.jumpWall(-1_000)
    assert.throws(() => verifier.verify(token), refused('token_not_yet_valid'))
  })

  it('keeps its verdicts over a refresh that changes nothing', async (t) => {
    const { verifier, feed, issuer, hits } = await cachingEstate(t)
    verifier.verify(tokenOf(one))
    const token = tokenOf(one)
    verifier.verify(token)
    feed.send({ epoch: 1, n: 2, full: true, jwks: setOf(one, two) })
    await issuer.leases.next()
    const before = hits()
    verifier.verify(token)
    assert.equal(hits(), Number(before) + 1)
  })

  it('never holds more than it may, and keeps what is in use', () => {
    const cache = new VerdictCache(10)
    const jwks = { keys: [] }
    const verified = { header: { alg: 'ES256' }, payload: { exp: 1 } }
    cache.get('hot', jwks)
    cache.add('hot', verified, jwks, 0)
    for (let index = 0; index < 1_000; index++) {
      assert.ok(cache.get('hot', jwks), `after ${index}`)
      cache.get(`token ${index}`, jwks)
      cache.add(`token ${index}`, verified, jwks, 0)
      assert.ok(cache.counts.entries <= 10)
    }
  })

  it('does not take a verdict on a key set that has been replaced meanwhile', () => {
    const cache = new VerdictCache(10)
    const [before, after] = [{ keys: [] }, { keys: [] }]
    cache.get('token', before)
    cache.get('another', after)
    cache.add('token', { header: { alg: 'ES256' }, payload: { exp: 1 } }, before, 0)
    assert.equal(cache.get('token', after), undefined)
  })
})
