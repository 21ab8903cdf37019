import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { type ClientOptions, ensureRegistered, optionsFromEnvironment } from '../src/index.ts'
import { environment, folder, pem, type Setting, start, stored } from './client.ts'
import { type Foreign, startForeign } from './foreign/provider.ts'

describe('a client of a foreign identity provider', () => {
  let foreign: Foreign
  let place: Awaited<ReturnType<typeof folder>>
  let setting: Setting

  before(async () => {
    foreign = await startForeign()
  })
  after(() => foreign.close())
  beforeEach(async () => {
    place = await folder()
    setting = { idp: foreign.url, folder: place.path }
    foreign.requests.length = 0
  })
  afterEach(() => place.remove())

  const methods = () => foreign.requests.map(({ method, status }) => `${method} ${status}`)

  it('is registered with the initial access token, and its key and credentials are stored for the owner only', async () => {
    const registered = await start(setting, { DCR_IAT: await foreign.iat() })
    assert.equal(registered.outcome, 'registered')
    assert.equal(registered.kid, 'bff-sig-001')
    assert.deepEqual(methods(), ['POST 201'])
    const metadata = await foreign.client(registered.clientId)
    assert.equal(metadata.token_endpoint_auth_method, 'private_key_jwt')
    assert.deepEqual(metadata.redirect_uris, ['https://app.example/auth/callback'])
    assert.deepEqual(
      metadata.jwks.keys.map(({ kid }: { kid: string }) => kid),
      ['bff-sig-001'],
    )
    for (const path of [registered.key, registered.credentials]) assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await stored(setting)).client_id, registered.clientId)
  })

  it('is not changed by the next start, which sends one GET and needs no initial access token', async () => {
    await start(setting, { DCR_IAT: await foreign.iat() })
    const before = [await pem(setting), await stored(setting)]
    foreign.requests.length = 0
    const again = await start(setting)
    assert.equal(again.outcome, 'unchanged')
    assert.deepEqual(methods(), ['GET 200'])
    assert.deepEqual([await pem(setting), await stored(setting)], before)
  })

  it('rotates at once when asked by BFF_JWK_ROTATE_AFTER_DAYS=0: the old key stays registered, by PUT where PATCH is not known', async () => {
    const first = await start(setting, { DCR_IAT: await foreign.iat() })
    const before = await pem(setting)
    foreign.requests.length = 0
    const rotated = await start(setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    assert.equal(rotated.outcome, 'rotated')
    assert.match(rotated.kid, /^bff-sig-001-\d{10}-[0-9a-f]{4}$/)
    assert.notEqual(await pem(setting), before)
    assert.deepEqual(methods(), ['GET 200', 'PATCH 404', 'PUT 200', 'GET 200'])
    const { jwks } = await foreign.client(first.clientId)
    assert.deepEqual(
      jwks.keys.map(({ kid }: { kid: string }) => kid),
      [first.kid, rotated.kid],
    )
    assert.ok(rotated.lines.some((line) => line.startsWith('JWKS rotated successfully')))
  })

  it('gets a new key when its PEM was deleted', async () => {
    const first = await start(setting, { DCR_IAT: await foreign.iat() })
    await rm(environment(setting).DCR_SIGNING_KEY)
    const rotated = await start(setting)
    assert.equal(rotated.outcome, 'rotated')
    assert.ok(rotated.lines.includes('A new key is made: the PEM is missing.'), rotated.lines.join('\n'))
    assert.deepEqual(
      rotated.jwks().keys.map(({ kid }) => kid),
      [first.kid, rotated.kid],
    )
  })

  it('keeps every other setting when its keys are changed by PUT', async () => {
    const metadata = { client_name: 'Shop', scope: 'openid', grant_types: ['authorization_code', 'refresh_token'] }
    const options = optionsFromEnvironment(environment(setting, { DCR_IAT: await foreign.iat() }))
    await ensureRegistered({ ...options, metadata } as ClientOptions, quiet)
    const { client_id: id } = await stored(setting)
    const before = await foreign.client(id)
    await start(setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    const after = await foreign.client(id)
    assert.deepEqual({ ...after, jwks: before.jwks }, before)
    assert.equal(after.jwks.keys.length, 2)
  })

  it('changes redirect URIs by their mode, and keys not at all', async () => {
    const first = await start(setting, { DCR_IAT: await foreign.iat() })
    const other = { DCR_REDIRECT_URIS: 'https://other.example/cb' }
    assert.equal((await start(setting, { ...other, DCR_REDIRECT_UPDATE_MODE: 'none' })).outcome, 'unchanged')
    const merged = await start(setting, { ...other, DCR_ROTATION_SAFE: 'true' })
    assert.deepEqual([merged.outcome, merged.rotated, merged.kid], ['updated', false, first.kid])
    const both = ['https://app.example/auth/callback', 'https://other.example/cb']
    assert.deepEqual((await foreign.client(first.clientId)).redirect_uris, both)
    await start(setting, other)
    assert.deepEqual((await foreign.client(first.clientId)).redirect_uris, ['https://other.example/cb'])
  })

  it('registers a key that was put there, and publishes another one that is put in its place', async () => {
    await writeFile(environment(setting).DCR_SIGNING_KEY, ecPem())
    const first = await start(setting, { DCR_IAT: await foreign.iat() })
    assert.equal(first.jwks().keys[0]?.alg, 'ES256')
    const second = ecPem()
    await writeFile(environment(setting).DCR_SIGNING_KEY, second)
    const published = await start(setting)
    assert.equal(published.outcome, 'rotated')
    assert.equal(published.jwks().keys.length, 2)
    assert.equal(await pem(setting), second)
  })

  it('rotates to the algorithm of DCR_KEY_ALG', async () => {
    await start(setting, { DCR_KEY_ALG: 'RS256', DCR_IAT: await foreign.iat() })
    const rotated = await start(setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0', DCR_KEY_ALG: 'ES256' })
    assert.deepEqual(
      rotated.jwks().keys.map(({ alg }) => alg),
      ['RS256', 'ES256'],
    )
  })

  it('drops its own oldest key for the cap of three, rotation after rotation', async () => {
    const first = await start(setting, { DCR_IAT: await foreign.iat() })
    const kids = [first.kid]
    for (let day = 1; day <= 4; day++) {
      await rm(environment(setting).DCR_SIGNING_KEY)
      kids.push((await start(setting)).kid)
    }
    const { jwks } = await foreign.client(first.clientId)
    assert.deepEqual(
      jwks.keys.map(({ kid }: { kid: string }) => kid),
      kids.slice(-3),
    )
  })

  it('never overwrites a PEM that it cannot read', async () => {
    await writeFile(environment(setting).DCR_SIGNING_KEY, 'not a key')
    await assert.rejects(start(setting, { DCR_IAT: await foreign.iat(), BFF_JWK_ROTATE_AFTER_DAYS: '0' }), {
      code: 'CONFIG_INVALID',
      message: /DCR_SIGNING_KEY/,
    })
    assert.equal(await pem(setting), 'not a key')
    assert.deepEqual(methods(), [])
  })

  it('tells what was refused of its metadata, and registers with the same token once that is corrected', async () => {
    const env = { DCR_IAT: await foreign.iat() }
    const wrong = { ...env, DCR_REDIRECT_URIS: 'javascript:alert(1)' }
    await assert.rejects(start(setting, wrong), { code: 'METADATA_REFUSED', message: /redirect_uris/ })
    assert.equal((await start(setting, env)).outcome, 'registered')
  })

  it('is left alone when the identity provider is frozen', async () => {
    await start(setting, { DCR_IAT: await foreign.iat() })
    const before = [await pem(setting), await stored(setting)]
    foreign.intercept = ({ method }) => (method === 'PATCH' ? 423 : undefined)
    const frozen = await start(setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    assert.deepEqual([frozen.outcome, frozen.rotationFailed], ['unchanged', 'FROZEN'])
    foreign.intercept = undefined
    assert.deepEqual([await pem(setting), await stored(setting)], before)
    assert.equal((await start(setting)).outcome, 'rotated')
  })

  it('is sent to /api/oidc/register where there is no metadata document', async () => {
    foreign.intercept = ({ url }) => (url?.includes('.well-known') ? 404 : 418)
    await assert.rejects(start(setting, { DCR_IAT: 'iat-1' }), {
      code: 'IDP_REFUSED',
      message: /418.*Nothing was changed\. Ask whoever runs the identity provider/s,
    })
    foreign.intercept = undefined
    assert.equal(foreign.requests[0]?.path, '/api/oidc/register')
  })

  it('is skipped when it is switched off, without files and requests', async () => {
    const result = await ensureRegistered(optionsFromEnvironment({ DCR_ENABLED: 'false' }), quiet)
    assert.deepEqual(result, { outcome: 'skipped', reason: 'DCR_ENABLED=false' })
    assert.deepEqual(await readdir(setting.folder), [])
  })

  it('says nothing of its tokens and keys, in lines and in errors', async () => {
    const token = await foreign.iat()
    const { lines } = await start(setting, { DCR_IAT: token })
    const { registration_access_token: rat } = await stored(setting)
    const rotated = await start(setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    foreign.intercept = () => 401
    const error: Error = await start(setting).then(
      () => assert.fail('it was not refused'),
      (failure) => failure,
    )
    foreign.intercept = undefined
    const said = [...lines, ...rotated.lines, error.message, String(error.cause)].join('\n')
    for (const secret of [token, rat, 'PRIVATE KEY']) assert.ok(!said.includes(secret))
  })
})

const quiet = { log: () => undefined }
const ecPem = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }).toString()
