import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { thumbprintOf } from '../../src/keys/jwk.ts'
import { keyOfPem, newPem } from '../../src/keys/key.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const ed = generateKeyPairSync('ed25519').privateKey
const pem = (key: typeof rsa, type: 'pkcs8' | 'pkcs1' | 'sec1') => key.export({ type, format: 'pem' }).toString()

describe('a private key', () => {
  const readable: [string, string, string][] = [
    ['RSA in PKCS#8', pem(rsa, 'pkcs8'), 'RS256'],
    ['RSA in PKCS#1', pem(rsa, 'pkcs1'), 'RS256'],
    ['P-256 in PKCS#8', pem(ec, 'pkcs8'), 'ES256'],
    ['P-256 in SEC1', pem(ec, 'sec1'), 'ES256'],
    ['Ed25519', pem(ed, 'pkcs8'), 'EdDSA'],
  ]
  for (const [what, text, alg] of readable) {
    it(`is read: ${what}; its public half has no private member`, () => {
      const key = keyOfPem(text, '/key.pem', 0)
      assert.equal(key.jwk.alg, alg)
      assert.equal(key.jwk.d, undefined)
      assert.equal(key.thumbprint, thumbprintOf(key.jwk))
    })
  }

  const unreadable: [string, string][] = [
    ['nothing', ''],
    ['half a file', pem(rsa, 'pkcs8').slice(0, 400)],
    [
      'a public key',
      ''.concat(generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    ],
    [
      'an encrypted key',
      rsa.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
    ],
    ['RSA of 1024 bits', pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, 'pkcs8')],
    ['secp256k1', pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, 'pkcs8')],
    ['X25519, which cannot sign', pem(generateKeyPairSync('x25519').privateKey, 'pkcs8')],
  ]
  for (const [what, text] of unreadable) {
    it(`is refused by the path of its file: ${what}`, () => {
      assert.throws(() => keyOfPem(text, '/keys/a.pem', 0), {
        code: 'CONFIG_INVALID',
        message: /DCR_SIGNING_KEY, \/keys\/a\.pem/,
      })
    })
  }

  it('that is made here is RSA of 2048 bits, or P-256', async () => {
    const made = keyOfPem(await newPem('RS256'), '/a', 0).privateKey
    assert.equal(made.asymmetricKeyDetails?.modulusLength, 2048)
    assert.equal(keyOfPem(await newPem('ES256'), '/a', 0).jwk.crv, 'P-256')
  })
})

describe('a thumbprint', () => {
  it('is that of RFC 7638 section 3.1', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
    assert.equal(
      thumbprintOf({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' }),
      'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    )
  })
})
