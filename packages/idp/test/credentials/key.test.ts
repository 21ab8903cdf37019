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
/** RFC 8032: neutral, of order 2 and of order 4, one of them with the sign set; then of order 8, and one in another spelling. */
const smallOrder = [
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  `${'00'.repeat(31)}80`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  `ee${'ff'.repeat(30)}7f`,
]
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

  const exponent = (bytes: number) =>
    Buffer.concat([Buffer.from([1]), Buffer.alloc(bytes - 2), Buffer.from([1])]).toString('base64url')
  const large = generateKeyPairSync('rsa', { modulusLength: 4_104 }).publicKey.export({ format: 'jwk' })
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const refusals: [string, Record<string, unknown>][] = [
    ['a private key', { ...pairs.ES256.privateKey.export({ format: 'jwk' }) }],
    ['a shared secret', { kty: 'oct', k: 'AAAA' }],
    ['a short RSA key', { ...weak }],
    ['an RSA key of exponent 1', { ...publicJwk('RS256'), e: 'AQ' }],
    ['an RSA key that takes long', { ...large }],
    ['an RSA key of a long exponent', { ...publicJwk('RS256'), e: exponent(200) }],
    ['an RSA key of an exponent of 33 bits', { ...publicJwk('RS256'), e: exponent(5) }],
    ['a point that is not on the curve', { ...publicJwk(), y: publicJwk().x }],
    ['another curve', { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' }],
    ['a curve that is a name of JavaScript', { kty: 'EC', crv: 'constructor' }],
    ['an algorithm that does not fit', { ...publicJwk(), alg: 'RS256' }],
    ['the algorithm none', { ...publicJwk(), alg: 'none' }],
    ['a key for encryption', { ...publicJwk(), use: 'enc' }],
    ['a key for signing, not verifying', { ...publicJwk(), key_ops: ['sign'] }],
    ['a key whose operations are no list', { ...publicJwk(), key_ops: 'verify' }],
    ...smallOrder.map((x): [string, Record<string, unknown>] => [
      `a point of small order (${x.slice(0, 6)})`,
      { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(x, 'hex').toString('base64url') },
    ]),
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

  test('that has less time left than an assertion may is rotated by its key alone: the overlap ends with the new key', async () => {
    const old = await credential({ jwk: fresh(), expiresAt: new Date(Date.now() + 60_000).toISOString() })
    const { status, body } = await rotate(old, { jwk: fresh() })
    assert.equal(status, 200)
    // The old key comes to its own end a moment before the new one does.
    assert.ok(Date.parse(body.overlapEndsAt) <= Date.parse(body.expiresAt))
    assert.ok(Date.parse(body.expiresAt) - Date.now() <= 60_000)
    const asked = await rotate(old, { jwk: fresh(), overlap: '5m' })
    assert.deepEqual(
      [asked.status, asked.body.code],
      [400, 'INVALID_REQUEST'],
      'an overlap that was asked for is not cut',
    )
    const endless = await credential({ jwk: fresh() })
    const expiresAt = new Date(Date.now() + 60_000).toISOString()
    assert.equal((await rotate(endless, { jwk: fresh(), expiresAt })).body.overlapEndsAt, expiresAt)
  })

  test('is taken that says what it is for', async () => {
    for (const said of [{ use: 'sig' }, { key_ops: ['verify'] }]) await credential({ jwk: { ...fresh(), ...said } })
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

  test('that was revoked does not live again in another credential, by whatever name and spelling', async () => {
    const jwk = fresh()
    const old = await credential({ jwk: { ...jwk, kid: 'leaked' } })
    const all = `/api/v1/agents/${old.clientId}/credentials`
    const create = (body: object) => setting.idp().manage('POST', all, body)
    const next = await create({ jwk: { ...fresh(), kid: 'next' } })
    assert.equal((await create({ jwk: { ...fresh(), kid: 'next' } })).status, 409, 'one kid would name two keys')
    await setting.idp().manage('DELETE', pathOf(old))
    const spelt = { ...jwk, x: `${jwk.x}=` }
    for (const again of [{ ...jwk, kid: 'leaked' }, { ...jwk, kid: 'other' }, jwk, spelt]) {
      const replies = [await create({ jwk: again }), await rotate(next.body, { jwk: again })]
      for (const { status, body } of replies) assert.deepEqual([status, body.code], [409, 'ALREADY_EXISTS'])
    }
    assert.equal((await create({ jwk: { ...fresh(), kid: 'leaked' } })).status, 201, 'its name may be used again')
    assert.equal(
      (await credential({ jwk })).clientId === old.clientId,
      false,
      'another agent’s keys are its own affair',
    )
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
