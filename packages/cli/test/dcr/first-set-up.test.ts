import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isLetIn } from './assertion.ts'
import { type Scene, type Service, scene } from './scene.ts'

// One service from its first start on: the tests build on each other, in this order.
describe('a service that is set up for the first time', () => {
  let s: Scene
  let bff: Service
  let unlucky: Service
  let iat = ''

  before(async () => {
    s = await scene()
    bff = s.service()
  })
  after(() => s.end())

  it('does nothing where it is switched off, and says by which variable', async () => {
    for (const [off, named] of [
      [{ SKIP_DCR_BOOTSTRAP: 'true' }, /SKIP_DCR_BOOTSTRAP/],
      [{ DCR_ENABLED: 'false' }, /DCR_ENABLED/],
    ] as const) {
      const { code, stdout, stderr } = await bff.start(off)
      assert.deepEqual([code, JSON.parse(stdout).outcome], [0, 'skipped'])
      assert.match(stderr, named)
    }
    assert.deepEqual([s.wire.taken(), bff.hasKey], [[], false])
  })

  it('fails fast without an initial access token, and says what an administrator has to do', async () => {
    const { code, stdout, stderr } = await bff.start()
    assert.deepEqual([code, JSON.parse(stdout).code], [1, 'IAT_MISSING'])
    assert.match(stderr, /DCR_IAT/)
    assert.match(stderr, /administrator/)
    assert.deepEqual(s.registrations(), [])
  })

  it('is refused with an initial access token that nobody made, and has not written its PEM', async () => {
    const { code, stdout, stderr } = await bff.start({ DCR_IAT: 'rki_nobody' })
    assert.deepEqual([code, JSON.parse(stdout).code], [1, 'IAT_REFUSED'])
    assert.doesNotMatch(stdout + stderr, /rki_nobody/)
    assert.deepEqual(s.registrations(), ['POST /api/oidc/register 401'])
    assert.equal(bff.hasKey, false)
  })

  it('registers with the initial access token: one POST, and then the files are there, closed to everybody else', async () => {
    iat = await s.iat('--profile', 'code-flow-pkjwt')
    const { outcome, clientId, kid, rotated, jwks } = await bff.started({ DCR_IAT: iat })
    assert.deepEqual([outcome, clientId, kid, rotated], ['registered', 'bff-server', 'bff-sig-001', true])
    assert.deepEqual(
      jwks.keys.map((key: { kid: string }) => key.kid),
      ['bff-sig-001'],
    )
    const [post, ...more] = s.wire.taken().filter(({ line }) => line.includes('/register'))
    assert.deepEqual([post?.line, post?.status, post?.bearer, more], ['POST /api/oidc/register', 201, iat, []])
    assert.equal(post?.sent.token_endpoint_auth_method, 'private_key_jwt')
    assert.equal(post?.sent.client_profile, 'code-flow-pkjwt')
    assert.deepEqual(post?.sent.redirect_uris, ['https://bff.example.com/auth/callback'])
    assert.doesNotMatch(JSON.stringify(post?.sent), /"d":/)
    assert.deepEqual(bff.modes(), [0o600, 0o600])
    assert.equal(bff.kept.client_id, 'bff-server')
    assert.equal(bff.kept.registration_access_token, post?.got.registration_access_token)
  })

  it('is seen by both sides: by its registration access token, and by the administrator', async () => {
    const { registration_client_uri: uri, registration_access_token: rat } = bff.kept
    assert.equal(uri, `${s.wire.url}/api/oidc/register/bff-server`)
    const reply = await fetch(uri, { headers: { authorization: `Bearer ${rat}` } })
    assert.equal(reply.status, 200)
    const { jwks } = (await reply.json()) as { jwks: { keys: { kid: string }[] } }
    assert.deepEqual(
      jwks.keys.map(({ kid }) => kid),
      ['bff-sig-001'],
    )
    const shown = await s.idp.json('dcr', 'client', 'show', 'bff-server')
    assert.deepEqual(
      shown.keys.map(({ kid }: { kid: string }) => kid),
      ['bff-sig-001'],
    )
    const [spent] = (await s.idp.json('dcr', 'token', 'list')).initial_access_tokens
    assert.deepEqual([spent.label, spent.used, spent.status], ['bff', 1, 'spent'])
  })

  it('authenticates by the key in its PEM', async () => {
    assert.equal(await isLetIn(s.wire.url, 'bff-server', 'bff-sig-001', bff.key), true)
    s.wire.taken()
  })

  it('changes nothing at the next start: one GET of its registration, no initial access token, no file written', async () => {
    const before = bff.snapshot()
    for (const more of [{}, { DCR_IAT: iat }] as Record<string, string>[]) {
      const { outcome, clientId, kid, rotated } = await bff.started(more)
      assert.deepEqual([outcome, clientId, kid, rotated], ['unchanged', 'bff-server', 'bff-sig-001', false])
      assert.deepEqual(s.registrations(), ['GET /api/oidc/register/bff-server 200'])
    }
    assert.deepEqual(bff.snapshot(), before)
  })

  it('does not register by a token that is spent: another service is refused', async () => {
    const other = s.service('other-server')
    const { code, stdout } = await other.start({ DCR_IAT: iat })
    assert.deepEqual([code, JSON.parse(stdout).code], [1, 'IAT_REFUSED'])
    assert.deepEqual(s.registrations(), ['POST /api/oidc/register 401'])
  })

  it('gets its registration although the reply was lost: the same request again uses no second token', async () => {
    unlucky = s.service('unlucky-server')
    const one = await s.iat()
    let lost = 0
    s.wire.meddle(async ({ line }) =>
      line === 'POST /api/oidc/register' && lost++ === 0 ? 'lose the reply' : undefined,
    )
    assert.equal((await unlucky.started({ DCR_IAT: one })).outcome, 'registered')
    s.wire.meddle()
    assert.deepEqual(s.registrations(), ['POST /api/oidc/register 201', 'POST /api/oidc/register 201'])
    assert.equal((await unlucky.started()).outcome, 'unchanged')
    s.wire.taken()
  })

  it('registers anew where the IdP does not know it any more, if there is an initial access token', async () => {
    await s.idp.json('dcr', 'client', 'remove', 'unlucky-server')
    const { code, stdout, stderr } = await unlucky.start()
    assert.deepEqual([code, JSON.parse(stdout).code], [1, 'CLIENT_GONE'])
    assert.match(stderr, /administrator/)
    assert.equal((await unlucky.started({ DCR_IAT: await s.iat() })).outcome, 'registered')
  })

  it('is not let through with settings that are malformed, which ends with 2', async () => {
    for (const [name, value] of [
      ['IDP_BASE_URL', 'idp'],
      ['BFF_JWK_ROTATE_AFTER_DAYS', 'soon'],
      ['DCR_REDIRECT_UPDATE_MODE', 'x'],
    ] as const) {
      const { code, stdout, stderr } = await bff.start({ [name]: value })
      assert.deepEqual([code, JSON.parse(stdout).code], [2, 'CONFIG_INVALID'])
      assert.match(stderr, new RegExp(name))
    }
  })
})
