import assert from 'node:assert/strict'
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { describe, test } from 'node:test'
import { readClientJwk, thumbprintOf } from '../../src/credentials/key.ts'
import { pathOf, settingOf } from './setting.ts'

const pairs = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: generateKeyPairSync('ed25519'),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
const publicJwk = (of: keyof typeof pairs = 'ES256') => ({ ...pairs[of].publicKey.export({ format: 'jwk' }) })
const fresh = (): JsonWebKey => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })

describe('the public key of a client', () => {
  for (const [alg, { publicKey }] of Object.entries(pairs)) {
    test(`for ${alg} is named by its thumbprint where it has no name`, () => {
      const jwk = { ...publicKey.export({ format: 'jwk' }) }
      const read = readClientJwk(jwk)
      assert.deepEqual([read.alg, read.kid], [alg, thumbprintOf(jwk)])
    })
  }

  test('has the thumbprint of RFC 8037 §A.3', () => {
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    const jwk = { kty: 'OKP', crv: 'Ed25519', x, use: 'sig' }
    assert.equal(readClientJwk(jwk).kid, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const refusals: [string, Record<string, unknown>][] = [
    ['a private key', { ...pairs.ES256.privateKey.export({ format: 'jwk' }) }],
    ['a shared secret', { kty: 'oct', k: 'AAAA' }],
    ['a short RSA key', { ...weak }],
    ['an RSA key of exponent 1', { ...publicJwk('RS256'), e: 'AQ' }],
    ['a point that is not on the curve', { ...publicJwk(), y: publicJwk().x }],
    ['another curve', { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' }],
    ['a curve that is a name of JavaScript', { kty: 'EC', crv: 'constructor' }],
    ['an algorithm that does not fit', { ...publicJwk(), alg: 'RS256' }],
    ['the algorithm none', { ...publicJwk(), alg: 'none' }],
    ['a kid that is no text', { ...publicJwk(), kid: 7 }],
    ['a kid of control characters', { ...publicJwk(), kid: 'a\nb' }],
    ['nothing', {}],
  ]
  for (const [what, jwk] of refusals) {
    test(`is not ${what}`, () => assert.throws(() => readClientJwk(jwk), { code: 'INVALID_REQUEST' }))
  }
})

describe('a credential that is a key', { timeout: 60_000 }, () => {
  const setting = settingOf(1)
  const { credential, rotate, detail } = setting

  test('is made of what the client sends, and there is no secret', async () => {
    const jwk = { ...fresh(), kid: 'client-1' }
    const made = await credential({ jwk })
    assert.equal('clientSecret' in made, false)
    assert.equal((made as unknown as { kid: string }).kid, 'client-1')
    const shown = await detail(made)
    assert.deepEqual([shown.kind, shown.versions[0].id, shown.versions[0].kid], ['client-key', 'client-1', 'client-1'])
  })

  test('rotates to another key; by default assertions of the old one live out their time', async () => {
    const old = await credential({ kind: 'client-key', jwk: fresh() })
    const { body } = await rotate(old, { jwk: fresh() })
    const left = Date.parse(body.overlapEndsAt) - Date.now()
    assert.ok(left > 270_000 && left <= 330_000)
    const atOnce = await rotate(old, { jwk: fresh(), overlap: '0s' })
    assert.equal('overlapEndsAt' in atOnce.body, false)
    const states = (await detail(old)).versions.map(({ state }: { state: string }) => state)
    assert.deepEqual(states, ['retired', 'retired', 'active'])
  })

  test('never takes a key, or the name of one, that it had', async () => {
    const jwk = fresh()
    const old = await credential({ jwk: { ...jwk, kid: 'one' } })
    await rotate(old, { jwk: { ...fresh(), kid: 'two' }, overlap: '0s' })
    for (const again of [
      { ...jwk, kid: 'three' },
      { ...fresh(), kid: 'one' },
    ]) {
      const reply = await rotate(old, { jwk: again })
      assert.deepEqual([reply.status, reply.body.code], [409, 'ALREADY_EXISTS'])
    }
  })

  test('needs a key, and is revoked like a secret', async () => {
    const old = await credential({ jwk: fresh() })
    assert.equal((await rotate(old)).body.code, 'INVALID_REQUEST')
    const agent = `/api/v1/agents/${old.clientId}/credentials`
    const refused = await setting.idp().manage('POST', agent, { kind: 'client-key' })
    assert.deepEqual([refused.status, refused.body.code], [400, 'INVALID_REQUEST'])
    const mixed = await setting.idp().manage('POST', agent, { kind: 'client-secret', jwk: fresh() })
    assert.equal(mixed.body.code, 'INVALID_REQUEST')
    const { body } = await setting.idp().manage('POST', `${pathOf(old)}/revoke`, { reason: 'stolen' })
    assert.equal(body.status, 'revoked')
  })
})
