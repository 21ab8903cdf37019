import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { type Jwk, verifyJws } from '../../src/index.ts'
import { compact, encode, makeKey, refused, type SigningKey } from '../support/keys.ts'

const NAMES = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'Ed25519']
const HMAC_NAMES = ['HS256', 'HS384', 'HS512']
const keys = new Map<string, SigningKey>([...NAMES, ...HMAC_NAMES].map((name) => [name, makeKey(name)]))
const keyOf = (name: string): SigningKey => keys.get(name) as SigningKey
const es256 = keyOf('ES256')
const only = (...jwks: Jwk[]) => ({ keys: jwks })

/** Replaces the signature of a token. */
const withSignature = (token: string, signature: Uint8Array): string =>
  `${token.slice(0, token.lastIndexOf('.'))}.${Buffer.from(signature).toString('base64url')}`

function without(jwk: Jwk, ...members: string[]): Jwk {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => !members.includes(name)))
}

describe('verifyJws', () => {
  for (const name of [...NAMES, ...HMAC_NAMES]) {
    it(`verifies ${name} and gives back header and payload`, () => {
      const token = compact(keyOf(name), 'any bytes at all')
      const { header, payload } = verifyJws(token, only(keyOf(name).jwk), { algorithms: [name] })
      assert.deepEqual(header, { alg: name, kid: `${name}-1` })
      assert.equal(Object.getPrototypeOf(payload), Uint8Array.prototype)
      assert.equal(Buffer.from(payload).toString(), 'any bytes at all')
    })

    it(`refuses ${name} when a byte of the signature or the payload differs`, () => {
      const token = compact(keyOf(name), 'payload')
      const bytes = Buffer.from(token.split('.')[2] as string, 'base64url')
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
      const set = only(keyOf(name).jwk)
      assert.throws(
        () => verifyJws(withSignature(token, bytes), set, { algorithms: [name] }),
        refused('signature_invalid'),
      )
      const [header, , signature] = token.split('.')
      const other = `${header}.${encode('paylord')}.${signature}`
      assert.throws(() => verifyJws(other, set, { algorithms: [name] }), refused('signature_invalid'))
    })
  }

  it('verifies the example of RFC 7515, appendix A.3', () => {
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    }
    const token =
      'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.' +
      'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'
    const { payload } = verifyJws(token, only(jwk), { algorithms: ['ES256'] })
    assert.match(Buffer.from(payload).toString(), /"iss":"joe"/)
  })

  it('hands out payloads that the next verification does not overwrite', () => {
    const set = only(es256.jwk)
    const first = verifyJws(compact(es256, 'first'), set, { algorithms: ['ES256'] })
    verifyJws(compact(es256, 'other'), set, { algorithms: ['ES256'] })
    assert.equal(Buffer.from(first.payload).toString(), 'first')
    assert.equal(first.payload.buffer.byteLength, 5)
  })

  it('hands out headers that are the caller’s own', () => {
    const set = only(es256.jwk)
    const token = compact(es256, 'x')
    for (const alg of ['tampered', 'again']) {
      const { header } = verifyJws(token, set, { algorithms: ['ES256'] })
      assert.equal(header.alg, 'ES256')
      Object.assign(header, { alg, kid: 'other' })
    }
    assert.equal(verifyJws(token, set, { algorithms: ['ES256'] }).header.kid, 'ES256-1')
  })

  it('reads tokens that are larger than its shared memory, up to the limit it is given', () => {
    const token = compact(es256, 'x'.repeat(100_000))
    const options = { algorithms: ['ES256'] }
    assert.throws(() => verifyJws(token, only(es256.jwk), options), refused('token_too_large'))
    const { payload } = verifyJws(token, only(es256.jwk), { ...options, maxLength: 200_000 })
    assert.equal(payload.length, 100_000)
  })

  describe('the algorithm', () => {
    it('is refused when it is not in the list, and an unknown name in the list matches nothing', () => {
      const token = compact(es256, 'x')
      for (const algorithms of [['RS256'], [], ['es256'], ['ES256K', 'none']]) {
        assert.throws(() => verifyJws(token, only(es256.jwk), { algorithms }), refused('algorithm_not_allowed'))
      }
      for (const alg of ['none', 'None', 'constructor', '__proto__', 'ES256K', 'HS1']) {
        const named = compact(es256, 'x', { alg })
        assert.throws(() => verifyJws(named, only(es256.jwk), { algorithms: [alg] }), refused('algorithm_not_allowed'))
      }
      assert.ok(verifyJws(token, only(es256.jwk), { algorithms: ['nonsense', 'ES256'] }))
    })

    it('none is refused without a signature too', () => {
      const token = `${encode({ alg: 'none' })}.${encode('x')}.`
      assert.throws(() => verifyJws(token, only(es256.jwk), { algorithms: ['none'] }), refused('algorithm_not_allowed'))
    })

    it('is bound to the alg member of the key', () => {
      const rsa = keyOf('RS256')
      const token = compact({ ...keyOf('PS256'), jwk: { ...keyOf('PS256').jwk, kid: 'k' } }, 'x')
      const asRs256 = { ...keyOf('PS256').jwk, kid: 'k', alg: 'RS256' }
      assert.throws(() => verifyJws(token, only(asRs256), { algorithms: ['PS256', 'RS256'] }), refused('key_unusable'))
      assert.ok(verifyJws(token, only(without({ ...asRs256 }, 'alg')), { algorithms: ['PS256'] }))
      assert.ok(verifyJws(compact(rsa, 'x'), only(without(rsa.jwk, 'alg')), { algorithms: ['RS256', 'PS256'] }))
    })

    it('is bound to the type and the curve of the key', () => {
      for (const alg of ['ES384', 'RS256', 'EdDSA']) {
        const token = compact(es256, 'x', { alg })
        const set = only(without(es256.jwk, 'alg'))
        assert.throws(() => verifyJws(token, set, { algorithms: [alg] }), refused('key_unusable'))
      }
    })

    it('HS* takes no public key for a secret', () => {
      const rsa = keyOf('RS256')
      const token = compact(keyOf('HS256'), 'x', { kid: rsa.jwk.kid })
      const set = only(without(rsa.jwk, 'alg'))
      assert.throws(() => verifyJws(token, set, { algorithms: ['HS256'] }), refused('key_unusable'))
    })

    it('HS* counts only where nothing but HS* is allowed', () => {
      const token = compact(keyOf('HS256'), 'x')
      const set = only(keyOf('HS256').jwk, es256.jwk)
      assert.ok(verifyJws(token, set, { algorithms: ['HS256', 'HS512'] }))
      assert.throws(() => verifyJws(token, set, { algorithms: ['HS256', 'ES256'] }), refused('algorithm_not_allowed'))
      assert.ok(verifyJws(compact(es256, 'x'), set, { algorithms: ['HS256', 'ES256'] }))
    })

    it('HS* refuses a secret shorter than its digest', () => {
      const short = { kty: 'oct', kid: 'HS256-1', k: randomBytes(31).toString('base64url') }
      const token = compact(keyOf('HS256'), 'x')
      assert.throws(() => verifyJws(token, only(short), { algorithms: ['HS256'] }), refused('key_unusable'))
    })

    it('PS* refuses a salt that is not as long as the digest', () => {
      const ps = keyOf('PS256')
      const token = compact(ps, 'x')
      const input = token.slice(0, token.lastIndexOf('.'))
      const salted = withSignature(token, ps.sign(input, { saltLength: 20 }))
      assert.throws(() => verifyJws(salted, only(ps.jwk), { algorithms: ['PS256'] }), refused('signature_invalid'))
    })

    it('RSA keys under 2048 bits are refused', () => {
      const weak = makeKey('RS256', 'weak', 1024)
      const token = compact(weak, 'x')
      assert.throws(() => verifyJws(token, only(weak.jwk), { algorithms: ['RS256'] }), refused('key_unusable'))
    })
  })

  describe('ECDSA signatures', () => {
    const token = compact(es256, 'x')
    const check = (signature: Uint8Array) =>
      assert.throws(
        () => verifyJws(withSignature(token, signature), only(es256.jwk), { algorithms: ['ES256'] }),
        refused('signature_invalid'),
      )
    const raw = Buffer.from(token.split('.')[2] as string, 'base64url')
    const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')

    it('in DER are refused', () => check(es256.sign(token.slice(0, token.lastIndexOf('.')), { der: true })))
    it('of another length are refused', () => {
      for (const length of [0, 1, 63, 65, 66, 96]) check(Buffer.concat([raw, Buffer.alloc(40)]).subarray(0, length))
    })
    it('with r or s of zero or not below the order are refused', () => {
      const zero = Buffer.alloc(32)
      for (const bad of [zero, order, Buffer.alloc(32, 0xff)]) {
        check(Buffer.concat([bad, raw.subarray(32)]))
        check(Buffer.concat([raw.subarray(0, 32), bad]))
      }
      check(Buffer.alloc(64))
    })
  })

  describe('malformed tokens', () => {
    const good = compact(es256, 'payload!')
    const [header, payload, signature] = good.split('.') as [string, string, string]
    const cases: Record<string, unknown> = {
      'an empty string': '',
      'not a string': 42,
      undefined: undefined,
      'two parts': `${header}.${payload}`,
      'four parts': `${good}.`,
      'an empty header': `.${payload}.${signature}`,
      padding: `${header}.${payload}=.${signature}`,
      'a space': `${header}.${payload} .${signature}`,
      'a line break at the end': `${good}\n`,
      'standard base64': `${header}.${payload}.${signature.slice(0, -1)}/`,
      'a character beyond Latin-1 that ends like a good one': `${header}.${payload}.${String.fromCharCode(
        signature.charCodeAt(0) + 0x100,
      )}${signature.slice(1)}`,
      'stray trailing bits': `${header}.${encode('ab').replace(/.$/, 'J')}.${signature}`,
      'a header that is no JSON': `${encode('{"alg":"ES256"')}.${payload}.${signature}`,
      'a header that is an array': `${encode(['ES256'])}.${payload}.${signature}`,
      'a header that is null': `${encode('null')}.${payload}.${signature}`,
      'a header that is not UTF-8': `${Buffer.from('7b22616c67223a22ff227d', 'hex').toString('base64url')}.${payload}.${signature}`,
      'an alg that is no string': compact(es256, 'x', { alg: ['ES256'] }),
      'a kid that is no string': compact(es256, 'x', { kid: 7 }),
    }
    for (const [what, token] of Object.entries(cases)) {
      it(`are refused: ${what}`, () => {
        const verify = () => verifyJws(token as string, only(es256.jwk), { algorithms: ['ES256'] })
        assert.throws(verify, refused('token_malformed'))
      })
    }
  })

  it('refuses every critical extension, an empty list of them, and an unencoded payload', () => {
    for (const header of [{ crit: ['exp'], exp: 1 }, { crit: ['b64'], b64: false }, { crit: [] }, { b64: false }]) {
      const token = compact(es256, 'x', header)
      assert.throws(() => verifyJws(token, only(es256.jwk), { algorithms: ['ES256'] }), refused('header_unsupported'))
    }
  })

  it('never uses a key that the token brings along', () => {
    const attacker = makeKey('ES256', 'ES256-1')
    const header = { jwk: attacker.jwk, jku: 'https://attacker.example/jwks', x5u: 'https://attacker.example/x' }
    const token = compact(attacker, 'x', header)
    assert.throws(() => verifyJws(token, only(es256.jwk), { algorithms: ['ES256'] }), refused('signature_invalid'))
  })

  it('takes wrong use for a TypeError', () => {
    const token = compact(es256, 'x')
    const wrong = [
      () => verifyJws(token, only(es256.jwk), {} as never),
      () => verifyJws(token, only(es256.jwk), undefined as never),
      () => verifyJws(token, only(es256.jwk), { algorithms: 'ES256' as never }),
      () => verifyJws(token, undefined as never, { algorithms: ['ES256'] }),
      () => verifyJws(token, { keys: es256.jwk } as never, { algorithms: ['ES256'] }),
      () => verifyJws(token, only(es256.jwk), { algorithms: ['ES256'], maxLength: Number.NaN }),
    ]
    for (const use of wrong) assert.throws(use, TypeError)
  })
})
