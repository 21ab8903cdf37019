import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { tokenOf } from '../support/estate.ts'
import { makeKey, refused } from '../support/keys.ts'
import { poll, startedWith } from '../support/polled.ts'

const algorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'PS512', 'EdDSA']
const usable = algorithms.map((name) => makeKey(name))

const exported = (type: 'x25519' | 'ed448', kid: string) => ({
  ...generateKeyPairSync(type as 'x25519').publicKey.export({ format: 'jwk' }),
  kid,
})

const small = makeKey('RS256', 'small', 1024)

/** What issuers list, or might, beside the keys that verify here. */
const others: Record<string, unknown> = {
  'an RSA key for encryption': { ...makeKey('RS256', 'enc').jwk, use: 'enc', alg: 'RSA-OAEP' },
  'a key that says it is for encryption and is fit for signatures': { ...makeKey('ES256', 'ecdh').jwk, use: 'enc' },
  'an RSA key that is too small': small.jwk,
  'an ML-DSA key': { kty: 'AKP', alg: 'ML-DSA-65', kid: 'pq', pub: 'A'.repeat(2603) },
  'a key of a type that nobody knows yet': { kty: 'FUTURE', kid: 'future', alg: 'FT256', f: 'x' },
  'a curve that is not supported': { kty: 'EC', crv: 'secp256k1', x: 'A'.repeat(43), y: 'A'.repeat(43), kid: 'k1' },
  'keys for other uses of OKP': exported('x25519', 'x25519'),
  'an Ed448 key': exported('ed448', 'ed448'),
  'a point that is not on its curve': { ...makeKey('ES256', 'off').jwk, y: 'A'.repeat(43) },
  'an EC key without coordinates': { kty: 'EC', crv: 'P-256', kid: 'bare' },
  'a key whose members are of the wrong types': { kty: 7, kid: ['a'], alg: {}, use: null, key_ops: 'verify', n: 1 },
  'a shared secret that should not be there': { kty: 'oct', k: 'A'.repeat(64), kid: 'oct', alg: 'HS256' },
  'an empty object': {},
  'a list': [],
  null: null,
  'a number': 42,
  text: 'key',
}

describe('a set that mixes keys of every kind', { timeout: 20_000 }, () => {
  // python-jose fails on a set that has RSA and EC keys side by side.
  it('works for the tokens of each key that is usable', async (t) => {
    const { verifier } = await startedWith(t, { keys: usable.map(({ jwk }) => jwk) }, { algorithms })
    for (const key of usable) assert.ok(verifier.verify(tokenOf(key)))
  })

  // jwkset#60 and joserfc#104: one key that a library does not know makes the whole set unusable.
  for (const [what, other] of Object.entries(others)) {
    it(`is not spoiled by ${what}, wherever that stands`, async (t) => {
      const [first, ...rest] = usable.map(({ jwk }) => jwk)
      const all = await startedWith(t, { keys: [other, first, other, ...rest, other] }, { algorithms })
      for (const key of usable) assert.ok(all.verifier.verify(tokenOf(key)))
      assert.ok(!all.announced.some((event) => event.startsWith('problem')))
      const kids = usable.map(({ jwk }) => jwk.kid)
      // Too small for what is allowed here, but a key for signatures.
      if (other === small.jwk) kids.unshift('small')
      assert.deepEqual(all.verifier.trust.kids, kids)
      assert.deepEqual(
        all.announced.filter((event) => event.startsWith('key')),
        kids.map((kid) => `keyAdded ${kid}`),
      )
    })
  }

  it('is not spoiled by all of them together, and follows its changes', async (t) => {
    const all = await startedWith(
      t,
      { keys: Object.values(others).concat(usable.map(({ jwk }) => jwk)) },
      { algorithms },
    )
    for (const key of usable) assert.ok(all.verifier.verify(tokenOf(key)))
    const [withdrawn, ...left] = usable
    all.server.serve({ keys: left.map(({ jwk }) => jwk as unknown).concat(Object.values(others)) })
    await poll(all)
    assert.throws(() => all.verifier.verify(tokenOf(withdrawn as never)), refused('key_retired'))
    for (const key of left) assert.ok(all.verifier.verify(tokenOf(key)))
  })

  it('says of a key that is there and of no use that it is unusable, and does not fetch for it', async (t) => {
    const all = await startedWith(t, { keys: [small.jwk, ...usable.map(({ jwk }) => jwk)] }, { algorithms })
    all.clock.advance(10_000)
    await assert.rejects(all.verifier.authenticate(tokenOf(small)), refused('key_unusable'))
    assert.equal(all.sent(), 1)
  })
})
