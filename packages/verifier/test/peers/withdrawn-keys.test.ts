import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Verifier } from '../../src/index.ts'
import { one, setOf, tokenOf, two } from '../support/estate.ts'
import { makeKey, refused } from '../support/keys.ts'
import { until } from '../support/mailbox.ts'
import { type Polled, startedWith, told } from '../support/polled.ts'

const DEFAULTS = { refreshMs: 300_000, ceilingMs: 3_600_000, coolDownMs: 10_000 }
const HOUR_MS = 3_600_000

const isAccepted = (verifier: Verifier): Promise<boolean> =>
  verifier.authenticate(tokenOf(one)).then(
    () => true,
    () => false,
  )

/** Presents the same good token every second, as a busy caller does; resolves to how long it was accepted. */
async function acceptedForMs({ clock, verifier, sent, announced }: Polled, atMostMs: number): Promise<number> {
  const answered = () => announced.filter((event) => event.startsWith('asked')).length
  for (let passedMs = 0; passedMs < atMostMs; passedMs += 1_000) {
    if (!(await isAccepted(verifier))) return passedMs
    clock.advance(1_000)
    await until(() => answered() === sent())
  }
  return atMostMs
}

describe('a key that the issuer withdrew', { timeout: 30_000 }, () => {
  // aws-jwt-verify 5.2 and go-oidc 3 look only when an unknown kid comes, which here means never; PyJWT with cache_keys goes on
  // until the key is evicted. Of those that do look, jose 6.2 takes 10 min, Istio 20 min and Microsoft.IdentityModel 12 h.
  it('is refused after a bounded time although it is used all the while and no unknown kid ever comes', async (t) => {
    const all = await startedWith(t, setOf(one, two), DEFAULTS)
    all.server.serve(setOf(two))
    assert.equal(await acceptedForMs(all, HOUR_MS), 300_000)
    await assert.rejects(all.verifier.authenticate(tokenOf(one)), refused('key_retired'))
  })

  // jwks-rsa 4 caches each kid by itself: what a miss on another kid fetches does not evict the withdrawn one.
  it('is refused as soon as a miss on another kid has the set fetched', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one, two), DEFAULTS)
    const three = makeKey('ES256', 'three')
    server.serve(setOf(two, three))
    clock.advance(10_000)
    assert.ok(await verifier.authenticate(tokenOf(one)))
    assert.ok(await verifier.authenticate(tokenOf(three)))
    assert.throws(() => verifier.verify(tokenOf(one)), refused('key_retired'))
  })

  // mod_auth_openidc goes on for up to 1 h, and 300 s at least.
  it('is refused at once where the verifier is told to fetch', async (t) => {
    const { server, verifier } = await startedWith(t, setOf(one, two), DEFAULTS)
    server.serve(setOf(two))
    const { removed } = await verifier.refresh()
    assert.deepEqual(removed, ['one'])
    assert.throws(() => verifier.verify(tokenOf(one)), refused('key_retired'))
  })

  // get-jwks 11.0 falls back to its last set and arms its lifetime anew by that: 275 of 275 accepted. Envoy goes on for longer, too.
  it('is refused after a bounded time also where every fetch since has failed: a fallback does not re-arm itself', async (t) => {
    const all = await startedWith(t, setOf(one, two), DEFAULTS)
    all.server.answer = (response) => response.writeHead(503).end()
    assert.equal(await acceptedForMs(all, 2 * HOUR_MS), HOUR_MS)
    assert.ok(all.sent() > 100)
    await assert.rejects(all.verifier.authenticate(tokenOf(one)), refused('trust_unavailable'))
  })

  // Microsoft.IdentityModel goes on with a last known good set for 1 h.
  it('does not come back as a last known good one when the endpoint fails afterwards', async (t) => {
    const all = await startedWith(t, setOf(one, two), DEFAULTS)
    all.server.serve(setOf(two))
    await all.verifier.refresh()
    all.server.answer = (response) => response.writeHead(503).end()
    await assert.rejects(all.verifier.refresh(), refused('jwks_failed'))
    await told()
    assert.equal(await acceptedForMs(all, HOUR_MS), 0)
    assert.ok(await all.verifier.authenticate(tokenOf(two)))
  })

  // Logto in January 2026: for an hour a CDN went on serving the set from before the rotation.
  it('does not come back by an old copy of the set that a CDN still serves', async (t) => {
    const all = await startedWith(t, setOf(one, two), DEFAULTS)
    all.server.serve(setOf(two))
    await all.verifier.refresh()
    all.server.serve(setOf(one, two), { 'cache-control': 'max-age=3600', age: '1200' })
    await assert.rejects(all.verifier.refresh(), refused('jwks_failed'))
    await assert.rejects(all.verifier.authenticate(tokenOf(one)), refused('key_retired'))
  })

  // jwks-rsa 4 caches keys by kid alone: the old one goes on, and the new one is refused.
  it('is refused although its kid was given to another key', async (t) => {
    const { server, verifier } = await startedWith(t, setOf(one), DEFAULTS)
    const successor = makeKey('ES256', 'one')
    server.serve(setOf(successor))
    await verifier.refresh()
    assert.throws(() => verifier.verify(tokenOf(one)), refused('signature_invalid'))
    assert.ok(verifier.verify(tokenOf(successor)))
  })
})
