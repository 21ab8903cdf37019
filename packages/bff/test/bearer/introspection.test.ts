import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { failureLimit } from '../../src/bearer/asking.ts'
import { testIssuer } from './issuer.ts'
import { askedIdp, audience, bearerRoutes, keyIdp } from './routes.ts'

const nowS = () => Math.floor(Date.now() / 1_000)
const good = (issuer: { url: string }) => ({
  active: true,
  iss: issuer.url,
  aud: audience,
  sub: 'u-1',
  exp: nowS() + 60,
  scope: 'orders:read orders:write',
})

describe('a bearer token that its issuer is asked about', () => {
  test('is good when it is active, and says who sent it', async (t) => {
    const issuer = await testIssuer(t)
    issuer.answer({ body: { ...good(issuer), realm: { roles: ['admin', 'a b'] }, groups: 'x y' } })
    const claims = {
      roles: [{ source: 'realm.roles', format: 'array' } as const, { source: 'nothing', format: 'array' } as const],
      permissions: [
        { source: 'scope', format: 'space_delimited' } as const,
        { source: 'groups', format: 'array' } as const,
      ],
    }
    const { call, count } = await bearerRoutes(t, { idps: [askedIdp(issuer, {}, { claims })] })
    const { status, body } = await call('Bearer opaque-token')
    assert.equal(status, 200)
    assert.deepEqual(
      { sub: body.sub, roles: body.roles, permissions: body.permissions, token: body.token, idp: body.idp },
      {
        sub: 'u-1',
        roles: ['admin', 'a b'],
        permissions: ['orders:read', 'orders:write', 'x y'],
        token: 'opaque-token',
        idp: 'asked',
      },
    )
    assert.equal(await count('bff_token_validation_total', { token_type: 'opaque', status: 'valid' }), 1)
    assert.equal(await count('bff_idp_requests_total', { endpoint: 'introspection', status: '200' }), 1)
  })

  test('is asked about with the id and secret of the client, form-encoded first', async (t) => {
    const issuer = await testIssuer(t)
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer)] })
    await call('Bearer abc==')
    const [asked] = issuer.asked
    const [scheme, credentials = ''] = asked?.authorization?.split(' ') ?? []
    assert.equal(scheme, 'Basic')
    assert.equal(Buffer.from(credentials, 'base64').toString(), 'bff%2F1:pa%3Ass+w%C3%B6rd')
    assert.deepEqual(Object.fromEntries(asked?.form ?? []), { token: 'abc==', token_type_hint: 'access_token' })
  })

  test('is asked about by the newest secret that is there now', async (t) => {
    const issuer = await testIssuer(t)
    let secret = 'old'
    const clientSecret = { name: 'x', isFile: true, current: () => secret, watch: () => async () => undefined }
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer, { clientId: 'c', clientSecret })] })
    await call('Bearer abc')
    secret = 'new'
    await call('Bearer abc')
    secret = 'newest\nnew'
    await call('Bearer abc')
    const presented = issuer.asked.map(({ authorization }) =>
      Buffer.from(authorization?.slice(6) ?? '', 'base64').toString(),
    )
    assert.deepEqual(presented, ['c:old', 'c:new', 'c:newest'])
  })

  test('is refused with 401 when it is not active', async (t) => {
    const issuer = await testIssuer(t)
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer)] })
    const { status, body, challenge } = await call('Bearer abc')
    assert.equal(status, 401)
    assert.equal(body.detail, 'Not authenticated')
    assert.equal(body.code, 'NOT_AUTHENTICATED')
    assert.equal(body.correlation_id, 'c-1')
    assert.equal(challenge, 'Bearer error="invalid_token", error_description="the token is not good here"')
  })

  const wrong: [what: string, change: Record<string, unknown>][] = [
    ['of another issuer', { iss: 'https://elsewhere.example.com' }],
    ['for another audience', { aud: ['urn:other'] }],
    ['for no audience', { aud: undefined }],
    ['that has expired', { exp: 1 }],
    ['whose end is no time', { exp: 'tomorrow' }],
    ['that is not good yet', { nbf: nowS() + 600 }],
    ['of nobody', { sub: undefined }],
    ['that is a refresh token', { token_type: 'refresh_token' }],
    ['that is used as an ID token', { token_use: 'id' }],
    ['that is bound to a key', { cnf: { jkt: 'x' } }],
    ['that is active in words only', { active: 'true' }],
  ]
  for (const [what, change] of wrong) {
    test(`is not good when its issuer says that it is one ${what}`, async (t) => {
      const issuer = await testIssuer(t)
      issuer.answer({ body: { ...good(issuer), ...change } })
      const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer)] })
      const { status } = await call('Bearer abc')
      assert.equal(status, 'active' in change ? 503 : 401)
    })
  }

  test('that is a JWT is asked about at the issuer that it names, and at no other', async (t) => {
    const [one, other] = [await testIssuer(t), await testIssuer(t)]
    other.answer({ body: { active: true, sub: 'u-2' } })
    const { call } = await bearerRoutes(t, { idps: [askedIdp(one), askedIdp(other)] })
    const token = other.jwt({ iss: other.url, aud: audience, sub: 'u-2', exp: nowS() + 60 })
    assert.equal((await call(`Bearer ${token}`)).body.sub, 'u-2')
    assert.equal(one.asked.length, 0)
    const unknown = other.jwt({ iss: 'https://elsewhere.example.com', aud: audience, sub: 'u-2', exp: nowS() + 60 })
    assert.equal((await call(`Bearer ${unknown}`)).status, 401)
    const elsewhere = other.jwt({ iss: other.url, aud: 'urn:other', sub: 'u-2', exp: nowS() + 60 })
    assert.equal((await call(`Bearer ${elsewhere}`)).status, 401)
    assert.deepEqual([one.asked.length, other.asked.length], [0, 1])
  })

  test('that is no JWT is asked about at each that can be asked, until one knows it', async (t) => {
    const [one, two, byKeys] = [await testIssuer(t), await testIssuer(t), await testIssuer(t)]
    two.answer({ body: { ...good(two) } })
    const { call } = await bearerRoutes(t, {
      idps: [keyIdp(byKeys), askedIdp(one), askedIdp(two, {}, { name: 'two' })],
    })
    assert.equal((await call('Bearer abc')).body.idp, 'two')
    assert.deepEqual([one.asked.length, two.asked.length, byKeys.asked.length], [1, 1, 0])
  })

  test('is not called bad while one who might know it cannot be asked', async (t) => {
    const [one, two] = [await testIssuer(t), await testIssuer(t)]
    one.answer({ status: 500 })
    const { call } = await bearerRoutes(t, { idps: [askedIdp(one), askedIdp(two)] })
    assert.equal((await call('Bearer abc')).status, 503)
  })
})

describe('a fault of an introspection', () => {
  for (const fault of ['break', { status: 503 }, { status: 429, headers: { 'retry-after': '0' } }] as const) {
    test(`that passes is no refusal: ${JSON.stringify(fault)}`, async (t) => {
      const issuer = await testIssuer(t)
      issuer.answer(fault, fault, { body: good(issuer) })
      const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer)] })
      assert.equal((await call('Bearer abc')).status, 200)
      assert.equal(issuer.asked.length, 3)
    })

    test(`that stays is 503 and no refusal of the token: ${JSON.stringify(fault)}`, async (t) => {
      const issuer = await testIssuer(t)
      issuer.answer(fault)
      const { call, count, lines } = await bearerRoutes(t, { idps: [askedIdp(issuer)] })
      const { status, body, headers, challenge } = await call('Bearer hunter2')
      assert.equal(status, 503)
      assert.equal(body.code, 'IDP_UNAVAILABLE')
      assert.equal(headers['retry-after'], '1')
      assert.equal(challenge, undefined)
      assert.equal(issuer.asked.length, 3)
      assert.equal(await count('bff_token_validation_total', { status: 'unavailable' }), 1)
      assert.equal(await count('bff_idp_requests_total', { endpoint: 'introspection' }), 3)
      assert.ok(!lines.join('').includes('hunter2'))
      assert.ok(!lines.join('').includes('pa:ss'))
    })
  }

  test('that hangs ends in time', async (t) => {
    const issuer = await testIssuer(t)
    issuer.answer('hang')
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer, { timeoutMs: 200 })] })
    assert.equal((await call('Bearer abc')).status, 503)
  })

  test('that hangs once leaves time for another try', async (t) => {
    const issuer = await testIssuer(t)
    issuer.answer('hang', { body: good(issuer) })
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer, { timeoutMs: 2_000 })] })
    assert.equal((await call('Bearer abc')).status, 200)
  })

  const nonsense = [
    { status: 401, body: { error: 'invalid_client' } },
    { status: 302, headers: { location: '/introspect' } },
    { body: '<html>' },
    { body: [] },
    { body: { sub: 'x' } },
    { body: 'null' },
    { body: `{"active": true, "x": "${'x'.repeat(1_100_000)}"}` },
  ]
  for (const answer of nonsense) {
    test(`that is an answer of no use is 503, and not asked for again: ${JSON.stringify(answer).slice(0, 60)}`, async (t) => {
      const issuer = await testIssuer(t)
      issuer.answer(answer)
      const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer)] })
      assert.equal((await call('Bearer abc')).status, 503)
      assert.equal(issuer.asked.length, 1)
    })
  }

  test('when nobody listens is 503', async (t) => {
    const issuer = await testIssuer(t)
    await issuer.close()
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer)] })
    assert.equal((await call('Bearer abc')).status, 503)
  })
})

describe('what an introspection said', () => {
  test('is not remembered unless that is asked for', async (t) => {
    const issuer = await testIssuer(t)
    issuer.answer({ body: good(issuer) }, { body: { active: false } })
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer)] })
    assert.equal((await call('Bearer abc')).status, 200)
    assert.equal((await call('Bearer abc')).status, 401)
  })

  test('is remembered for the time that was set, and never beyond the end of the token', async (t) => {
    const issuer = await testIssuer(t)
    let now = Date.now()
    const start = now
    const exp = Math.floor(start / 1_000) + 15
    issuer.answer({ body: { ...good(issuer), exp } })
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer, { cacheMs: 10_000 })] }, { clock: () => now })
    await call('Bearer abc')
    now = start + 9_999
    await call('Bearer abc')
    assert.equal(issuer.asked.length, 1)
    now = start + 10_000
    await call('Bearer abc')
    assert.equal(issuer.asked.length, 2)
    now = exp * 1_000
    assert.equal((await call('Bearer abc')).status, 401)
    assert.equal(issuer.asked.length, 3)
  })

  test('is not remembered when it was bad, or has no end', async (t) => {
    const issuer = await testIssuer(t)
    issuer.answer({ body: { active: false } }, { body: { ...good(issuer), exp: undefined } }, { body: good(issuer) })
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer, { cacheMs: 10_000 })] })
    assert.deepEqual(
      [(await call('Bearer abc')).status, (await call('Bearer abc')).status, (await call('Bearer abc')).status],
      [401, 200, 200],
    )
    assert.equal(issuer.asked.length, 3)
    await call('Bearer abc')
    assert.equal(issuer.asked.length, 3)
  })

  test('costs its issuer no more than a number of questions where many are bad, and other addresses nothing', async (t) => {
    const issuer = await testIssuer(t)
    let nowMs = Date.now()
    const idps = [askedIdp(issuer, { cacheMs: 30_000 }), keyIdp(issuer, { audiences: ['urn:keys'] })]
    const { app, call } = await bearerRoutes(t, { idps }, { clock: () => nowMs })
    issuer.answer({ body: { ...good(issuer), exp: nowS() + 600 } })
    assert.equal((await call('Bearer known')).status, 200)
    issuer.answer({ body: { active: false } })
    const flood = await Promise.all(Array.from({ length: 300 }, (_, n) => call(`Bearer random-${n}`)))
    const refused = flood.filter(({ status }) => status === 429)
    assert.ok(issuer.asked.length < 1 + failureLimit.most + 64, String(issuer.asked.length))
    assert.equal(refused.length + issuer.asked.length - 1, 300)
    assert.equal(refused[0]?.body.code, 'RATE_LIMITED')
    assert.equal(refused[0]?.headers['retry-after'], '10')
    // What is known, and what nobody is asked about, is none the worse for it.
    assert.equal((await call('Bearer known')).status, 200)
    const verified = issuer.jwt({ iss: issuer.url, aud: 'urn:keys', sub: 'u-1', exp: nowS() + 60 })
    assert.equal((await call(`Bearer ${verified}`)).status, 200)
    issuer.answer({ body: good(issuer) })
    const elsewhere = { url: '/api', remoteAddress: '192.0.2.7', headers: { authorization: 'Bearer other' } }
    assert.equal((await app.inject(elsewhere)).statusCode, 200)
    assert.equal((await call('Bearer other-2')).status, 429)
    nowMs += failureLimit.withinMs
    assert.equal((await call('Bearer other-2')).status, 200)
  })

  test('waits for its turn where many come at once, and is turned away beyond that', async (t) => {
    const issuer = await testIssuer(t)
    issuer.answer('hang')
    const { call } = await bearerRoutes(t, { idps: [askedIdp(issuer, { timeoutMs: 3_000 })] })
    const waiting = Array.from({ length: 330 }, (_, n) => call(`Bearer slow-${n}`))
    const statuses = await Promise.all(waiting.slice(64 + 256).map(async (one) => (await one).body.code))
    assert.deepEqual(new Set(statuses), new Set(['OVERLOADED']))
    assert.ok(issuer.asked.length <= 64)
    issuer.answer({ body: good(issuer) })
    assert.equal((await waiting[64 + 255])?.status, 200)
    await Promise.all(waiting)
  })
})
