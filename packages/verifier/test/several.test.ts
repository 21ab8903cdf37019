import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { internalEndpoints } from '../src/http/internal/endpoints.ts'
import {
  createVerifier,
  jwksPolling,
  logTrust,
  metricsText,
  severalIssuers,
  type VerifierOptions,
  VerifyError,
} from '../src/index.ts'
import { HandClock } from './support/clock.ts'
import { JwksServer } from './support/jwks-server.ts'
import { AUDIENCE, compact, goodClaims, makeKey, NOW_MS, refused, type SigningKey } from './support/keys.ts'

const A = 'https://a.example'
const B = 'https://b.example'
const keyOfA = makeKey('ES256', 'same-kid')
const keyOfB = makeKey('ES256', 'same-kid')

const tokenOf = (issuer: unknown, key: SigningKey, more: object = {}) =>
  compact(key, { ...goodClaims(), iss: issuer, ...more }, { typ: 'at+jwt' })

async function twoIssuers(t: TestContext, ofB: Partial<VerifierOptions> = {}) {
  const clock = new HandClock(NOW_MS)
  const verifierOf = async (issuer: string, key: SigningKey, more: Partial<VerifierOptions> = {}) => {
    const server = await JwksServer.listen()
    t.after(() => server.close())
    server.serve({ keys: [key.jwk] })
    const trust = jwksPolling({ jwksUri: server.url, clock })
    const options = { issuer, audience: AUDIENCE, algorithms: ['ES256'], trust, clock, ...more }
    return { server, verifier: createVerifier(options) }
  }
  const a = await verifierOf(A, keyOfA)
  const b = await verifierOf(B, keyOfB, ofB)
  const both = severalIssuers([a.verifier, b.verifier])
  t.after(() => both.close())
  await both.start()
  return { a, b, both, clock }
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
    const { ok } = both.tryVerify(tokenOf(A, keyOfA))
    const refusal = both.tryVerify(tokenOf('https://c.example', keyOfA))
    assert.deepEqual([ok, refusal.ok ? 'ok' : refusal.code], [true, 'issuer_mismatch'])
  })

  it('read a token as long as the verifier of its issuer reads', async (t) => {
    const { both } = await twoIssuers(t, { maxLength: 200_000 })
    const long = { more: 'x'.repeat(60_000) }
    assert.ok(tokenOf(B, keyOfB, long).length > 65_536)
    assert.ok(both.verify(tokenOf(B, keyOfB, long)))
    assert.throws(() => both.verify(tokenOf(A, keyOfA, long)), refused('token_too_large'))
    assert.throws(() => both.verify('x'.repeat(200_001)), refused('token_too_large'))
  })

  it('hold trust when all hold it, and say the worst of all', async (t) => {
    const { b, both, clock } = await twoIssuers(t)
    assert.deepEqual([both.trust.held, both.trust.kids, both.trust.ageMs], [true, ['same-kid'], 0])
    clock.advance(1_000)
    await b.verifier.refresh()
    assert.equal(both.trust.ageMs, 1_000)
    assert.equal(both.trust.leaseLeftMs, 3_599_000)
    await b.verifier.close()
    assert.deepEqual([both.trust.held, both.trust.leaseLeftMs], [false, 0])
  })

  it('know no age of what was never heard', () => {
    const verifierOf = (issuer: string) =>
      createVerifier({
        issuer,
        audience: AUDIENCE,
        algorithms: ['ES256'],
        trust: jwksPolling({ jwksUri: `${issuer}/jwks` }),
      })
    const { held, ageMs } = severalIssuers([verifierOf(A), verifierOf(B)]).trust
    assert.deepEqual([held, ageMs], [false, null])
  })

  it('emit what each of them emits, are logged each by its name, and counted together', async (t) => {
    const { b, both } = await twoIssuers(t)
    // What the start announces is over by then.
    await both.refresh()
    const lines: unknown[] = []
    const log = ({ issuer, kid }: { issuer?: string; kid?: string }, message: string) =>
      lines.push([issuer, kid, message])
    logTrust(both, { info: log, warn: log, error: log } as never)
    b.server.serve({ keys: [keyOfB.jwk, makeKey('ES256', 'fresh').jwk] })
    const heard = once(both, 'keyAdded')
    await both.refresh()
    assert.deepEqual(await heard, ['fresh'])
    const added = lines.filter((line) => (line as string[])[2] === 'key added')
    assert.deepEqual(added, [[B, 'fresh', 'key added']])
    assert.deepEqual(new Set(lines.map((line) => (line as string[])[0])), new Set([A, B]))
    const text = metricsText(both.metrics())
    for (const issuer of [A, B]) assert.match(text, new RegExp(`trust_held{issuer="${issuer}"} 1`))
  })

  it('answer an operator for each issuer', async (t) => {
    const { a, both } = await twoIssuers(t)
    const { answer } = internalEndpoints(both, { token: 's' })
    const asked = async (method: string, path: string, query = '') => {
      const header = (name: string) => (name === 'authorization' ? 'Bearer s' : undefined)
      const request = {
        method,
        path,
        query: new URLSearchParams(query),
        header,
        body: () => ({ parsed: () => undefined }),
      }
      const { status, text } = await answer(request)
      return { status, body: JSON.parse([...text].join('')) }
    }
    await both.deny([{ jti: 'j-1' }])
    const { entries } = (await asked('GET', '/internal/auth/deny')).body
    assert.deepEqual(
      entries.map(({ jti, issuer }: Record<string, string>) => [jti, issuer]),
      [
        ['j-1', A],
        ['j-1', B],
      ],
    )
    assert.equal((await asked('DELETE', '/internal/auth/deny', 'jti=j-1')).body.removed, 1)
    a.server.answer = (response) => response.writeHead(500).end()
    const { status, body } = await asked('POST', '/internal/auth/jwks/refresh')
    assert.deepEqual([status, body.code], [502, 'jwks_failed'])
    assert.match(body.message, /^https:\/\/a\.example: .*status 500$/)
    const [ofA, ofB] = body.issuers
    assert.deepEqual([ofA.issuer, ofA.code, ofB.issuer, ofB.kids], [A, 'jwks_failed', B, ['same-kid']])
  })

  it('pass on what is no refusal when they are refreshed', async (t) => {
    const { a, both } = await twoIssuers(t)
    const defect = new RangeError('a defect')
    a.verifier.refresh = () => Promise.reject(defect)
    await assert.rejects(both.refreshEach(), defect)
    a.verifier.refresh = () => Promise.reject(new VerifyError('jwks_failed'))
    assert.deepEqual(
      (await both.refreshEach()).map((outcome) => 'error' in outcome),
      [true, false],
    )
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
    assert.deepEqual(
      [...both.denied()].map(({ issuer, entry, origin }) => [issuer, 'jti' in entry && entry.jti, origin]),
      [
        [A, 'j-1', 'operator'],
        [B, 'j-1', 'operator'],
      ],
    )
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
