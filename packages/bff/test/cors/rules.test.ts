import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ask, routeTo, startProxy, startUpstream } from '../proxy/estate.ts'

const app = 'https://app.example'
const preflight = {
  origin: app,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'x-csrf-token',
}

describe('a page of another origin', () => {
  it('reads nothing from here unless that is configured', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const { headers } = await ask(url, '/api/x', { headers: { origin: app } })
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith('access-control-')),
      [],
    )
    assert.equal((await ask(url, '/api/x', { method: 'OPTIONS', headers: preflight })).status, 405)
  })

  it('may call with the session when its origin is configured', async (t) => {
    const upstream = await startUpstream(t)
    const routes = [routeTo(upstream.url, { path: '/api/*', auth: 'session' })]
    const { url } = await startProxy(t, { routes, origins: ['https://other.example', app] })
    const asked = await ask(url, '/api/x', { method: 'OPTIONS', headers: preflight })
    assert.equal(asked.status, 204)
    assert.equal(asked.headers['access-control-allow-origin'], app)
    assert.equal(asked.headers['access-control-allow-credentials'], 'true')
    assert.match(String(asked.headers['access-control-allow-methods']), /DELETE/)
    assert.match(String(asked.headers['access-control-allow-headers']), /x-csrf-token/)
    assert.equal(upstream.seen.length, 0)
    const refused = await ask(url, '/api/x', { headers: { origin: app } })
    assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [401, app])
    assert.match(String(refused.headers.vary), /Origin/i)
  })

  it('is nobody when its origin is only like one that is configured', async (t) => {
    const upstream = await startUpstream(t)
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })], origins: [app] })
    const foreign = [
      'null',
      'https://app.example.evil.example',
      'http://app.example',
      'https://app.example:444',
      'https://evil.example',
    ]
    for (const origin of foreign) {
      const replies = [
        await ask(url, '/api/x', { headers: { origin } }),
        await ask(url, '/api/x', { method: 'OPTIONS', headers: { ...preflight, origin } }),
      ]
      for (const { headers } of replies) assert.notEqual(headers['access-control-allow-origin'], origin)
      for (const { headers } of replies) assert.notEqual(headers['access-control-allow-origin'], '*')
    }
  })

  it('gets nothing more by what a service says about origins', async (t) => {
    const upstream = await startUpstream(t, (_incoming, outgoing) =>
      outgoing.setHeader('access-control-allow-origin', '*').end(),
    )
    const { url } = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })], origins: [app] })
    const { headers } = await ask(url, '/api/x', { headers: { origin: 'https://evil.example' } })
    assert.notEqual(headers['access-control-allow-origin'], '*')
    assert.equal((await ask(url, '/api/x', { headers: { origin: app } })).headers['access-control-allow-origin'], app)
  })

  it('does not make a path that is not there one that takes another method', async (t) => {
    const { url } = await startProxy(t, { routes: [], origins: [app] })
    assert.equal((await ask(url, '/nothing')).status, 404)
  })
})
