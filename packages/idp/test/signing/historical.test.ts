import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { kidIn } from '../incidents/remedies/estate.ts'

const wellKnown = '/.well-known/federation-historical-keys'

describe('the list of historical keys', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let bearer: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    bearer = await idp.management()
  })
  after(() => estate.stop())

  const path = '/api/v1/keyrings/signing-es256'
  const listed = async (at = wellKnown) => {
    const { status, headers, body } = await idp.call(at)
    assert.equal(status, 200)
    return { headers, body, ...decodeUnverified(body) }
  }
  const revoke = async (state: string, reason: string) => {
    const id = await kidIn(idp, bearer, state)
    assert.equal((await idp.manage('POST', `${path}/revoke`, { id, reason }, bearer)).status, 200)
    return id
  }

  test('is signed by the key that signs now, and found by the metadata', async () => {
    const metadata = (await idp.call('/.well-known/openid-configuration')).body
    assert.equal(metadata.federation_historical_keys_endpoint, idp.url + wellKnown)
    const { headers, body, header, payload } = await listed()
    assert.equal(headers.get('content-type'), 'application/jwk-set+jwt')
    assert.match(headers.get('cache-control') ?? '', /max-age=300/)
    assert.deepEqual([payload.iss, payload.keys], [idp.url, []])
    const jwks = (await idp.call('/.well-known/jwks.json')).body
    const kid = await kidIn(idp, bearer, 'active')
    assert.deepEqual(header, { alg: 'ES256', typ: 'jwk-set+jwt', kid })
    const key = createPublicKey({ key: jwks.keys.find((one: { kid: string }) => one.kid === kid), format: 'jwk' })
    const [input, signature] = [body.slice(0, body.lastIndexOf('.')), body.slice(body.lastIndexOf('.') + 1)]
    const bytes = Buffer.from(signature, 'base64url')
    assert.ok(verify('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }, bytes))
    assert.deepEqual((await listed('/federation_historical_keys')).payload.keys, payload.keys)
  })

  test('says of a revoked key when and why, and nothing else that an operator wrote', async () => {
    const stolen = await revoke('active', 'compromised')
    await eventually(() => kidIn(idp, bearer, 'prepared'), Boolean)
    const other = await revoke('active', 'mallory left the company')
    const { payload, header } = await listed()
    assert.ok(![stolen, other].includes(header.kid))
    const [first, second] = payload.keys
    assert.deepEqual([first.kid, first.kty, first.revoked.reason], [stolen, 'EC', 'compromised'])
    assert.equal(first.exp, first.revoked.revoked_at)
    assert.ok(Number.isInteger(first.iat) && first.iat <= first.exp && first.exp <= payload.iat)
    assert.deepEqual([second.kid, second.revoked.reason], [other, 'unspecified'])
    assert.ok(!JSON.stringify(payload).includes('mallory') && !('d' in first))
  })

  test('names a key that was given up without a word about a revocation', async () => {
    const id = await kidIn(idp, bearer, 'prepared')
    assert.equal((await idp.manage('POST', `${path}/discard`, { id }, bearer)).status, 202)
    const { payload } = await listed()
    const found = payload.keys.find((key: { kid: string }) => key.kid === id)
    assert.ok(found.exp >= found.iat)
    assert.equal(found.revoked, undefined)
  })
})
