import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { jwksPolling } from '@rekey/verifier'
import { apiKinds } from '../../src/apis/kinds.ts'
import { readers } from '../../src/policy.ts'
import { audience, issuer, makeKey, serveJwks, tokenBy } from './jwks-server.ts'

const known = makeKey('ES256', 'known')
const rsa = makeKey('RS256', 'rsa')
const late = makeKey('ES256', 'late')
const trust = { clientId: '', clientSecret: '' }

const readersOfJwks = apiKinds.filter(({ name }) => name !== 'feed')

for (const kind of readersOfJwks) {
  describe(`the API with ${kind.label}`, () => {
    it('accepts tokens by both algorithms, and refuses what the issuer did not sign', async (t) => {
      const jwks = await serveJwks(known, rsa)
      t.after(() => jwks.close())
      const checker = await kind.make({ issuer, idps: [], audience, jwksUri: jwks.uri, trust })
      t.after(() => checker.close())
      await checker.check(tokenBy(known))
      await checker.check(tokenBy(rsa))
      await assert.rejects(checker.check(tokenBy(makeKey('ES256', 'known'))))
      await assert.rejects(checker.check(tokenBy(late)))
      const other = await kind.make({ issuer: 'http://localhost:1', idps: [], audience, jwksUri: jwks.uri, trust })
      t.after(() => other.close())
      await assert.rejects(other.check(tokenBy(known)))
    })
  })
}

describe('the cool-downs on which the policy of the demo rests', () => {
  const coolDownOf = (name: string) => readers.find((reader) => reader.name === name)?.coolDownMs ?? Number.NaN

  async function opened(t: { after(end: () => unknown): void }, name: string) {
    const jwks = await serveJwks(known)
    t.after(() => jwks.close())
    const kind = apiKinds.find((candidate) => candidate.name === name)
    assert.ok(kind)
    const checker = await kind.make({ issuer, idps: [], audience, jwksUri: jwks.uri, trust })
    t.after(() => checker.close())
    await checker.check(tokenBy(known))
    assert.equal(jwks.reads, 1)
    jwks.published.add(late)
    return { jwks, check: () => checker.check(tokenBy(late)) }
  }

  it('jose looks again for an unknown kid after 30 s and not before', async (t) => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() })
    t.after(() => mock.timers.reset())
    const { jwks, check } = await opened(t, 'jose')
    mock.timers.tick(coolDownOf('createRemoteJWKSet') - 1)
    await assert.rejects(check())
    assert.equal(jwks.reads, 1)
    mock.timers.tick(1)
    await check()
    assert.equal(jwks.reads, 2)
  })

  it('jwks-rsa looks at once, however often', async (t) => {
    assert.equal(coolDownOf('jwks-rsa'), 0)
    const { jwks, check } = await opened(t, 'jwks-rsa')
    await check()
    assert.equal(jwks.reads, 2)
  })

  it('jwksPolling looks at once, and again after 10 s and not before', async (t) => {
    const jwks = await serveJwks(known)
    t.after(() => jwks.close())
    let nowMs = 0
    const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} }
    const source = jwksPolling({ jwksUri: jwks.uri, clock })
    t.after(() => source.close())
    const denied = { replace: () => undefined, change: () => undefined }
    await source.start({ algorithms: ['ES256'], announce: () => {}, denied })
    assert.equal(await source.lookAgain('one'), true)
    nowMs += coolDownOf('jwksPolling') - 1
    assert.equal(await source.lookAgain('another'), false)
    nowMs += 1
    assert.equal(await source.lookAgain('another'), true)
    assert.equal(jwks.reads, 3)
  })
})
