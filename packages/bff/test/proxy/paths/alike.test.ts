import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ask, routeTo, startProxy, startUpstream } from '../estate.ts'

const cookie = 'bff_session=ada'
const bearer = 'Bearer good'

describe('a path that services may take for another one', () => {
  it('leads to none by a route that guards it otherwise', async (t) => {
    const upstream = await startUpstream(t)
    const routes = [
      routeTo(upstream.url, { path: '/api/*', auth: 'session' }),
      routeTo(upstream.url, { path: '/api/admin', auth: 'session', authz: 'pdp' }),
      routeTo(upstream.url, { path: '/api/admin/*', auth: 'session', authz: 'pdp' }),
      routeTo(upstream.url, { path: '/api/:tenant/secrets', auth: 'bearer', methods: ['GET'] }),
      routeTo(upstream.url, { path: '/api/health', auth: 'none', internal: true }),
    ]
    const { url } = await startProxy(t, { routes })
    const status = async (path: string, method = 'GET') =>
      (await ask(url, path, { method, headers: { cookie, authorization: bearer, 'x-csrf-token': 'good' } })).status
    const alike = [
      ...['/api/ADMIN/x', '/api/Admin', '/api/%2561dmin/x', '/api/%252561dmin', '/api/ADMIN/'],
      ...['/api/%C4%B0/SECRETS', `/api/${'a'.repeat(101)}/Secrets`, '/api/%25c4%25b0/secrets/'],
      ...['/api/acme/SECRETS', '/api/acme/secrets/', '/api/acme/%2573ecrets', '/api/HEALTH', '/api/health/'],
    ]
    for (const path of alike) assert.equal(await status(path), 400, path)
    // Nobody may do that there, and so not where it is alike either.
    for (const tenant of ['acme', 'a'.repeat(5_000), '%C4%B0']) {
      assert.equal(await status(`/api/${tenant}/secrets`, 'POST'), 405)
    }
    assert.equal(await status('/api/acme/Secrets', 'POST'), 400)
    assert.equal(upstream.seen.length, 0)
    const others = [
      '/api/x',
      '/api/administrator',
      '/api/admin',
      '/api/%61dmin',
      '/api/admin/',
      '/api/admin/x',
      '/api/',
    ]
    for (const path of [...others, '/api/admin/X%2541', '/api/acme/secrets', '/api/acme/secretsX', '/api/100%25']) {
      assert.equal(await status(path), 200, path)
    }
  })

  it('goes where it leads when both are guarded alike', async (t) => {
    const upstream = await startUpstream(t)
    const routes = [
      routeTo(upstream.url, { path: '/open' }),
      routeTo(upstream.url, { path: '/api/orders', auth: 'session' }),
      routeTo(upstream.url, { path: '/api/*', auth: 'session', methods: ['GET', 'POST'] }),
    ]
    const { url } = await startProxy(t, { routes })
    for (const path of ['/api/Orders', '/api/orders/', '/api/%256frders']) {
      assert.equal((await ask(url, path, { headers: { cookie } })).status, 200, path)
    }
  })

  it('is told apart where two routes do so themselves', async (t) => {
    const upstream = await startUpstream(t)
    const routes = [
      routeTo(upstream.url, { path: '/api/a', auth: 'session' }),
      routeTo(upstream.url, { path: '/api/A', auth: 'bearer' }),
    ]
    const { url } = await startProxy(t, { routes })
    assert.equal((await ask(url, '/api/a', { headers: { cookie } })).status, 200)
    assert.equal((await ask(url, '/api/A', { headers: { cookie } })).status, 401)
    assert.equal((await ask(url, '/api/A', { headers: { authorization: bearer } })).status, 200)
  })
})
