import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { rotateKeys } from '../../../src/provider/keys/rotate-keys.ts'
import { startProvider, type TestProvider } from '../../provider.ts'
import { callback, clientId, logIn, type Setting, setting } from '../setting.ts'

describe('rotating the keys by a command', () => {
  let idp: TestProvider
  let at: Setting
  const told: { method: string; set: { keys: { kid: string }[] } | undefined }[] = []
  let takes = true
  let refusal: object = {}
  const server = createServer(async (request, response) => {
    const body = await text(request)
    const set = body === '' ? undefined : JSON.parse(body)
    told.push({ method: request.method ?? '', set })
    response.writeHead(takes ? 200 : 403, { 'content-type': 'application/json' })
    response.end(JSON.stringify(takes ? (set ?? JSON.parse(await readFile(at.path('jwks.json'), 'utf8'))) : refusal))
  })
  before(async () => {
    idp = await startProvider()
    await once(server.listen(0, '127.0.0.1'), 'listening')
  })
  after(async () => {
    server.close()
    await idp.close()
  })
  beforeEach(async () => {
    at = await setting()
    told.length = 0
    takes = true
  })
  afterEach(() => at.close())

  const seed = () => ({ BFF_KEYS_DIR: at.folder, BFF_KID: 'bff', AUTO_KEY_ROTATION: '1', DCR_KEY_ALG: 'ES256' })
  const notice = () => ({
    IDP_DCR_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/clients/bff-server/jwks`,
    DCR_ACCESS_TOKEN: 'a-token',
  })
  const served = async () =>
    (JSON.parse(await readFile(at.path('jwks.json'), 'utf8')) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)

  it('makes the first key, for its owner alone', async () => {
    const { kid } = await rotateKeys(seed())
    assert.equal(kid, 'bff')
    assert.deepEqual(await served(), ['bff'])
    assert.equal((await stat(at.path('bff.pem'))).mode & 0o777, 0o600)
    assert.doesNotMatch(await readFile(at.path('jwks.json'), 'utf8'), /"d"/)
  })

  it('publishes another one beside it, which signs when the provider has taken the set', async () => {
    await rotateKeys(seed())
    const before = await readFile(at.path('bff.pem'), 'utf8')
    const published = await rotateKeys(seed())
    assert.equal(published.kid, 'bff')
    assert.match(published.waiting ?? '', /^bff-\d{10}-[0-9a-f]{4}$/)
    assert.deepEqual(await served(), ['bff', published.waiting])
    assert.equal(await readFile(at.path('bff.pem'), 'utf8'), before)

    takes = false
    const refused = await rotateKeys({ ...seed(), ...notice() })
    assert.deepEqual([refused.kid, refused.waiting, refused.notified], ['bff', published.waiting, false])
    takes = true
    const done = await rotateKeys({ ...seed(), ...notice() })
    assert.deepEqual(done, { kid: published.waiting, rotated: true, waiting: undefined, notified: true })
    assert.deepEqual(
      told.at(-1)?.set?.keys.map(({ kid }) => kid),
      ['bff', published.waiting],
    )
    assert.notEqual(await readFile(at.path('bff.pem'), 'utf8'), before)
  })

  it('tells the provider again, and makes no third key, when it is repeated within ten minutes', async () => {
    await rotateKeys(seed())
    const { kid } = await rotateKeys({ ...seed(), ...notice() })
    const again = await rotateKeys({ ...seed(), ...notice() })
    assert.deepEqual(again, { kid, rotated: false, waiting: undefined, notified: true })
    assert.equal(told.length, 2)
    assert.equal((await served()).length, 2)
  })

  it('says what the provider answered where it does not take the set, without what looks like a secret', async () => {
    await rotateKeys(seed())
    takes = false
    const env = { ...seed(), ...notice() }
    refusal = { code: 'INSUFFICIENT_SCOPE', message: 'this needs the scope tokens:read' }
    const { kid, waiting, ...told } = await rotateKeys(env)
    const refused = 'it answered 403 INSUFFICIENT_SCOPE: this needs the scope tokens:read'
    assert.deepEqual([kid, told], ['bff', { rotated: false, notified: false, refused }])
    assert.match(waiting ?? '', /^bff-/)
    refusal = {
      error: 'invalid_token',
      error_description: 'not good: Bearer rkt_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
    }
    const again = await rotateKeys(env)
    assert.equal(again.waiting, waiting)
    assert.match(again.refused ?? '', /^it answered 403 invalid_token: not good: /)
    assert.doesNotMatch(again.refused ?? '', /rkt_abc/)
    const away = { ...env, IDP_DCR_URL: 'http://127.0.0.1:1/keys' }
    assert.match((await rotateKeys(away)).refused ?? '', /^it gave no answer \(/)
  })

  it('has a provider that fetches the keys do so at once', async () => {
    const byAddress = { ...seed(), ...notice(), DCR_JWKS_URI: 'https://bff.example.com/.well-known/jwks.json' }
    await rotateKeys(byAddress)
    const { kid } = await rotateKeys(byAddress)
    assert.match(kid, /^bff-/)
    assert.deepEqual(told.at(-1), { method: 'POST', set: undefined })
  })

  it('goes by the registration where this client has one of its own, and a running backend signs by it', async () => {
    const env = { ...seed(), IDP_BASE_URL: idp.issuer, MS_BFF_TOKEN_AUTH_METHOD: 'private_key_jwt' }
    const provider = await at.open({ ...env, DCR_IAT: await idp.initialAccessToken() })
    await logIn(provider)
    const { kid } = await rotateKeys(env)
    assert.match(kid, /^bff-/)
    await logIn(provider)
    assert.ok(at.lines.some((line) => line.includes('assertions are signed') && line.includes(kid)))
  })

  it('leaves it to a running backend to find out when the provider has a key that waits', async () => {
    const env = { ...seed(), IDP_BASE_URL: idp.issuer, AUTH_CLIENT_ID: clientId }
    const provider = await at.open(env)
    const { waiting } = await rotateKeys(seed())
    const keys = (await provider.keys?.published())?.keys ?? []
    await idp.addClient({ clientId, method: 'private_key_jwt', jwks: { keys }, redirectUris: [callback] })
    await eventually(
      async () => (await provider.keys?.shown())?.signing?.kid,
      (kid) => kid === waiting,
    )
    await logIn(provider)
  })

  it('only makes sure that there is a key where AUTO_KEY_ROTATION is off', async () => {
    await rotateKeys({ ...seed(), AUTO_KEY_ROTATION: '0' })
    await rotateKeys({ ...seed(), AUTO_KEY_ROTATION: '0' })
    assert.deepEqual(await served(), ['bff'])
  })

  it('names the variable that is missing', async () => {
    await assert.rejects(rotateKeys({}), /BFF_KEYS_DIR/)
    const { DCR_ACCESS_TOKEN: _, ...without } = notice()
    await assert.rejects(rotateKeys({ ...seed(), ...without }), /DCR_ACCESS_TOKEN/)
  })
})
