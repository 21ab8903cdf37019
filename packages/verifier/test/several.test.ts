import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createVerifier, jwksPolling, severalIssuers } from '../src/index.ts'
import { HandClock } from './support/clock.ts'
import { JwksServer } from './support/jwks-server.ts'
import { AUDIENCE, compact, goodClaims, makeKey, NOW_MS, refused, type SigningKey } from './support/keys.ts'

const A = 'https://a.example'
const B = 'https://b.example'
const keyOfA = makeKey('ES256', 'same-kid')
const keyOfB = makeKey('ES256', 'same-kid')

const tokenOf = (issuer: unknown, key: SigningKey, more: object = {}) =>
  compact(key, { ...goodClaims(), iss: issuer, ...more }, { typ: 'at+jwt' })

async function twoIssuers(t: TestContext) {
  const clock = new HandClock(NOW_MS)
  const verifierOf = async (issuer: string, key: SigningKey) => {
    const server = await JwksServer.listen()
    t.after(() => server.close())
    server.serve({ keys: [key.jwk] })
    const trust = jwksPolling({ jwksUri: server.url, clock })
    return { server, verifier: createVerifier({ issuer, audience: AUDIENCE, algorithms: ['ES256'], trust, clock }) }
  }
  const a = await verifierOf(A, keyOfA)
  const b = await verifierOf(B, keyOfB)
  const both = severalIssuers([a.verifier, b.verifier])
  t.after(() => both.close())
  await both.start()
  return { a, b, both }
}

describe('several issuers', { timeout: 20_000 }, () => {
  it('are told apart by what the token says, and their keys are never pooled', async (t) => {
    const { both } = await twoIssuers(t)
    assert.equal((await both.authenticate(tokenOf(A, keyOfA))).payload.iss, A)
    assert.equal(both.verify(tokenOf(B, keyOfB)).payload.iss, B)
    await assert.rejects(both.authenticate(tokenOf(A, keyOfB)), refused('signature_invalid'))
    await assert.rejects(both.authenticate(tokenOf(B, keyOfA)), refused('signature_invalid'))
  })

  it('refuse a token of nobody known, of no issuer, or that is none', async (t) => {
    const { both } = await twoIssuers(t)
    await assert.rejects(both.authenticate(tokenOf('https://c.example', keyOfA)), refused('issuer_mismatch'))
    await assert.rejects(both.authenticate(tokenOf([A], keyOfA)), refused('issuer_mismatch'))
    await assert.rejects(both.authenticate(tokenOf(undefined, keyOfA)), refused('claim_missing'))
    await assert.rejects(both.authenticate('x.y.z'), refused('token_malformed'))
    assert.deepEqual(await both.tryAuthenticate('').then(({ ok }) => ok), false)
  })

  it('are refreshed one by one, and the others all the same when one does not answer', async (t) => {
    const { a, b, both } = await twoIssuers(t)
    const fresh = makeKey('ES256', 'fresh')
    b.server.serve({ keys: [keyOfB.jwk, fresh.jwk] })
    const refreshed = await both.refresh()
    assert.deepEqual(
      refreshed.map(({ issuer, kids, added }) => ({ issuer, kids, added })),
      [
        { issuer: A, kids: ['same-kid'], added: [] },
        { issuer: B, kids: ['same-kid', 'fresh'], added: ['fresh'] },
      ],
    )
    a.server.answer = (response) => response.writeHead(500).end()
    b.server.serve({ keys: [fresh.jwk] })
    await assert.rejects(both.refresh(), (error: Error) => refused('jwks_failed')(error) && error.message.includes(A))
    assert.throws(() => both.verify(tokenOf(B, keyOfB)), refused('key_retired'))
    assert.ok(both.verify(tokenOf(A, keyOfA)))
  })

  it('deny and allow together, and count together', async (t) => {
    const { both } = await twoIssuers(t)
    await both.deny([{ jti: 'j-1' }])
    for (const [issuer, key] of [
      [A, keyOfA],
      [B, keyOfB],
    ] as const) {
      assert.throws(() => both.verify(tokenOf(issuer, key)), refused('token_denied'))
    }
    assert.equal([...both.denied()].length, 2)
    assert.equal(await both.allow([{ jti: 'j-1' }]), 1)
    assert.ok(both.verify(tokenOf(A, keyOfA)))
    assert.deepEqual(
      both.metrics().map(({ issuer, verdicts }) => [issuer, verdicts.get('ok') ?? 0]),
      [
        [A, 1],
        [B, 0],
      ],
    )
  })

  it('must each have an issuer of their own', () => {
    const verifierOf = (issuer: string | null) =>
      createVerifier({
        issuer,
        audience: AUDIENCE,
        algorithms: ['ES256'],
        trust: jwksPolling({ jwksUri: 'https://a.example/jwks' }),
      })
    for (const issuers of [[], [A, A], [A, null]]) {
      assert.throws(() => severalIssuers(issuers.map(verifierOf)), TypeError)
    }
  })
})
