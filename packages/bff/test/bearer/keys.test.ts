import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { environmentVerifier } from '../../src/bearer/environment.ts'
import { testIssuer } from './issuer.ts'
import { askedIdp, audience, bearerRoutes, keyIdp } from './routes.ts'

const nowS = () => Math.floor(Date.now() / 1_000)
const claimsOf = (issuer: { url: string }) => ({
  iss: issuer.url,
  aud: audience,
  sub: 'u-1',
  exp: nowS() + 60,
  scope: 'a b',
})

describe('a bearer token that is checked by the keys of its issuer', () => {
  test('is good with a signature of the issuer, and nobody is asked about it', async (t) => {
    const issuer = await testIssuer(t)
    const { call, count } = await bearerRoutes(t, { idps: [keyIdp(issuer)] }, { scopes: ['a'] })
    const { status, body } = await call(
      `Bearer ${issuer.jwt({ ...claimsOf(issuer), realm_access: { roles: ['admin'] } })}`,
    )
    assert.equal(status, 200)
    assert.deepEqual([body.sub, body.roles, body.permissions, body.idp], ['u-1', ['admin'], ['a', 'b'], 'keys'])
    assert.equal(issuer.asked.length, 0)
    assert.equal(await count('bff_idp_requests_total', { endpoint: 'jwks', status: '200' }), issuer.jwksFetches)
    assert.equal(await count('bff_token_validation_total', { token_type: 'jwt', status: 'valid' }), 1)
  })

  test('is refused with 401 when it is bad, and with 403 when a scope is missing', async (t) => {
    const [issuer, other] = [await testIssuer(t), await testIssuer(t)]
    const { call } = await bearerRoutes(t, { idps: [keyIdp(issuer)] }, { scopes: ['a', 'c'] })
    const claims = claimsOf(issuer)
    const bad = {
      'signed by somebody else': other.jwt(claims),
      expired: issuer.jwt({ ...claims, exp: nowS() - 60 }),
      'for another audience': issuer.jwt({ ...claims, aud: 'urn:other' }),
      'of another type': issuer.jwt(claims, { typ: 'logout+jwt' }),
      'an ID token': issuer.jwt({ ...claims, typ: 'ID' }),
      'bound to a key': issuer.jwt({ ...claims, cnf: { jkt: 'x' } }),
      'without algorithm': issuer.jwt(claims, { alg: 'none' }),
      'no JWT': 'opaque',
      'no token at all': 'ö'.normalize('NFD'),
      'too long': 'x'.repeat(7_000),
    }
    for (const [what, token] of Object.entries(bad)) {
      const { status, body, challenge } = await call(`Bearer ${token}`)
      assert.equal(status, 401, what)
      assert.equal(body.detail, 'Not authenticated')
      assert.match(String(challenge), /^Bearer error="invalid_token", error_description="[a-z ]+"$/)
    }
    assert.equal((await call(`Bearer ${bad.expired}`)).body.message, 'the token has expired')
    const { status, body, challenge } = await call(`Bearer ${issuer.jwt(claims)}`)
    assert.equal(status, 403)
    assert.equal(body.code, 'INSUFFICIENT_SCOPE')
    assert.match(String(challenge), /^Bearer error="insufficient_scope", .*scope="a c"$/)
  })

  test('cannot be told good or bad while the keys cannot be had: 503, and good once they can', async (t) => {
    const issuer = await testIssuer(t)
    issuer.failJwks(500)
    const { call, count } = await bearerRoutes(t, { idps: [keyIdp(issuer)] })
    await eventually(
      () => count('jwks_refresh_failures_total', {}),
      (failures) => failures > 0,
    )
    const { status, body } = await call(`Bearer ${issuer.jwt(claimsOf(issuer))}`)
    assert.equal(status, 503)
    assert.equal(body.code, 'IDP_UNAVAILABLE')
    issuer.failJwks(undefined)
    await eventually(
      () => call(`Bearer ${issuer.jwt(claimsOf(issuer))}`),
      ({ status }) => status === 200,
    )
  })

  test('of one issuer is not good by the keys of another, nor by asking another', async (t) => {
    const [issuer, other] = [await testIssuer(t), await testIssuer(t)]
    other.answer({ body: { active: true, sub: 'u-1' } })
    const { call } = await bearerRoutes(t, { idps: [keyIdp(issuer), askedIdp(other)] })
    assert.equal((await call(`Bearer ${other.jwt(claimsOf(issuer))}`)).status, 401)
    assert.equal(other.asked.length, 0)
  })
})

describe('an Authorization header', () => {
  test('that is missing, empty or of another scheme is answered by a challenge without an error', async (t) => {
    const issuer = await testIssuer(t)
    const { call, count } = await bearerRoutes(t, { idps: [keyIdp(issuer)] })
    for (const header of [undefined, '', 'Bearer', 'Bearer  ', 'Basic YTpi', 'DPoP abc', 'abc']) {
      const { status, body, challenge } = await call(header)
      assert.equal(status, 401)
      assert.equal(body.detail, 'Not authenticated')
      assert.equal(challenge, 'Bearer')
    }
    assert.equal(await count('bff_token_validation_total', { token_type: 'none', status: 'missing' }), 7)
  })

  test('that is there twice is refused', async (t) => {
    const issuer = await testIssuer(t)
    const { app } = await bearerRoutes(t, { idps: [keyIdp(issuer)] })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const good = issuer.jwt(claimsOf(issuer))
    assert.equal((await fetch(`${url}/api`, { headers: { authorization: `Bearer ${good}` } })).status, 200)
    const twice = new Headers([
      ['authorization', `Bearer ${good}`],
      ['authorization', 'Bearer other'],
    ])
    const response = await fetch(`${url}/api`, { headers: twice })
    assert.equal(response.status, 400)
    assert.match(response.headers.get('www-authenticate') ?? '', /invalid_request/)
  })
})

describe('the issuer that the environment names', () => {
  const secrets = ['n'.repeat(32), 'o'.repeat(32)] as const
  const env = { REKEY_JWT_ISSUER: 'https://issuer.example.com', REKEY_JWT_AUDIENCE: audience }
  const hs256 = (secret: string, claims: object) => {
    const input = [{ alg: 'HS256', typ: 'JWT' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const claims = { iss: env.REKEY_JWT_ISSUER, aud: audience, sub: 'u-1', exp: nowS() + 60 }

  test('is one more beside those of idps.yaml, and both secrets of a list are good', async (t) => {
    const issuer = await testIssuer(t)
    const environment = environmentVerifier({ ...env, REKEY_JWT_HS256_SECRET: secrets.join(',') })
    const { call } = await bearerRoutes(t, { idps: [keyIdp(issuer)], environment })
    for (const secret of secrets) assert.equal((await call(`Bearer ${hs256(secret, claims)}`)).body.idp, 'environment')
    assert.equal((await call(`Bearer ${hs256('x'.repeat(32), claims)}`)).status, 401)
    assert.equal((await call(`Bearer ${hs256(secrets[0], { ...claims, exp: undefined })}`)).status, 401)
    assert.equal((await call(`Bearer ${issuer.jwt(claimsOf(issuer))}`)).body.idp, 'keys')
  })

  test('may have its old names, and a key set', async (t) => {
    const issuer = await testIssuer(t)
    const environment = environmentVerifier({
      FLUXLIT_JWT_ISSUER: issuer.url,
      FLUXLIT_JWT_AUDIENCE: audience,
      FLUXLIT_JWT_JWKS_URL: `${issuer.url}/jwks`,
      FLUXLIT_JWT_LEEWAY_SECONDS: '90',
    })
    const { call } = await bearerRoutes(t, { environment })
    const late = issuer.jwt({ ...claimsOf(issuer), exp: nowS() - 60 })
    await eventually(
      () => call(`Bearer ${late}`),
      ({ status }) => status === 200,
    )
  })

  test('whose key set cannot be had makes 503, and no 401', async (t) => {
    const issuer = await testIssuer(t)
    await issuer.close()
    const environment = environmentVerifier({
      REKEY_JWT_ISSUER: issuer.url,
      REKEY_JWT_AUDIENCE: audience,
      REKEY_JWT_JWKS_URL: `${issuer.url}/jwks`,
    })
    const { call } = await bearerRoutes(t, { environment })
    assert.equal((await call(`Bearer ${issuer.jwt(claimsOf(issuer))}`)).status, 503)
  })

  test('is none where nothing is set', () => {
    assert.equal(environmentVerifier({ REKEY_JWT_ISSUER: '', PATH: '/bin' }), undefined)
  })

  test('is refused at the start with secret and URL together, with neither, and without an audience', () => {
    const wrong = [
      { ...env },
      { ...env, REKEY_JWT_HS256_SECRET: secrets[0], REKEY_JWT_JWKS_URL: 'https://issuer.example.com/jwks' },
      { ...env, REKEY_JWT_AUDIENCE: '', REKEY_JWT_HS256_SECRET: secrets[0] },
      { ...env, REKEY_JWT_HS256_SECRET: 'short-hunter2' },
      { REKEY_JWT_LEEWAY_SECONDS: '5' },
    ]
    for (const one of wrong) {
      assert.throws(
        () => environmentVerifier(one),
        (error: { code?: string; message: string }) => {
          assert.equal(error.code, 'CONFIG_INVALID')
          assert.match(error.message, /REKEY_JWT_/)
          assert.ok(!error.message.includes('hunter2') && !error.message.includes(secrets[0]))
          return true
        },
      )
    }
  })

  test('is refused when idps.yaml has the same one', async (t) => {
    const issuer = await testIssuer(t)
    const environment = environmentVerifier({ ...env, REKEY_JWT_HS256_SECRET: secrets[0] })
    const idps = [keyIdp(issuer, { issuer: env.REKEY_JWT_ISSUER, name: 'same' })]
    await assert.rejects(bearerRoutes(t, { idps, environment }), {
      code: 'CONFIG_INVALID',
      message: /same in idps.yaml/,
    })
  })
})
