import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import Fastify from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { jwksRoutes } from '../../../src/provider/jwks/routes.ts'
import { clientId, type Setting, setting } from '../setting.ts'

describe('the key set of this client', () => {
  let at: Setting
  before(async () => {
    at = await setting()
  })
  after(() => at.close())

  const served = async (env: Record<string, string>) => {
    const provider = await at.open({ IDP_BASE_URL: 'http://127.0.0.1:9', AUTH_CLIENT_ID: clientId, ...env })
    const app = Fastify().withTypeProvider<ZodTypeProvider>()
    app.setValidatorCompiler(validatorCompiler)
    app.setSerializerCompiler(serializerCompiler)
    jwksRoutes(app, { provider })
    return (headers = {}) => app.inject({ url: '/.well-known/jwks.json', headers })
  }

  it('is public, may be held for five minutes, and has nothing private in it', async () => {
    const ask = await served({ BFF_KEYS_DIR: at.folder, BFF_KID: 'bff' })
    const reply = await ask()
    assert.equal(reply.statusCode, 200)
    assert.equal(reply.headers['cache-control'], 'public, max-age=300')
    assert.equal(reply.headers['access-control-allow-origin'], '*')
    const [key, ...others] = reply.json().keys
    assert.deepEqual([Object.keys(key).sort(), others], [['alg', 'e', 'kid', 'kty', 'n', 'use'], []])
    assert.deepEqual([key.kid, key.kty, key.alg, key.use], ['bff', 'RSA', 'RS256', 'sig'])
    const again = await ask({ 'if-none-match': reply.headers.etag })
    assert.deepEqual([again.statusCode, again.body], [304, ''])
  })

  it('is empty where this client has a secret', async () => {
    const ask = await served({ AUTH_CLIENT_SECRET: 'secret' })
    assert.deepEqual((await ask()).json(), { keys: [] })
  })
})
