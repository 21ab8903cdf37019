import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { BffError } from '../../src/error.ts'
import { ada, ask, routeTo, startProxy, startUpstream } from './estate.ts'

const headers = { cookie: 'bff_session=ada', 'x-csrf-token': 'good' }
const challenge = 'Bearer error="invalid_token", error_description="its key has been revoked"'

/** A service that takes Ada's second access token alone. */
async function revoked(
  t: TestContext,
  settings: { says?: string; another?: () => Promise<typeof ada | undefined> } = {},
) {
  const { says = challenge, another = async () => ({ ...ada, accessToken: 'second' }) } = settings
  const seen: string[] = []
  const upstream = await startUpstream(t, (incoming: IncomingMessage, outgoing: ServerResponse) => {
    seen.push(`${incoming.method} ${incoming.headers.authorization}`)
    incoming.resume()
    if (incoming.headers.authorization === 'Bearer second') return outgoing.end('good')
    outgoing.writeHead(401, { 'www-authenticate': says, 'content-type': 'text/plain' }).end('refused')
  })
  const kinds = ['session', 'bearer'] as const
  const routes = kinds.map((auth) => routeTo(upstream.url, { path: `/${auth}/*`, auth }))
  let asked = 0
  const count = async () => {
    asked += 1
    return another()
  }
  const proxy = await startProxy(t, { routes, guards: { another: count } })
  return { ...proxy, seen, asked: () => asked }
}

describe('an access token that a service refuses', () => {
  it('is replaced, and the browser notices nothing', async (t) => {
    const { url, seen } = await revoked(t)
    const { status, body } = await ask(url, '/session/x', { headers })
    assert.deepEqual([status, body], [200, 'good'])
    assert.deepEqual(seen, [`GET Bearer ${ada.accessToken}`, 'GET Bearer second'])
  })

  it('is replaced for the next request where this one may have changed something', async (t) => {
    const { url, seen, asked } = await revoked(t)
    const { status, body } = await ask(url, '/session/x', { method: 'POST', headers, body: 'a=b' })
    assert.deepEqual([status, body], [401, 'refused'])
    assert.deepEqual([seen.length, asked()], [1, 1])
  })

  it('is tried no third time', async (t) => {
    const { url, seen, asked } = await revoked(t, { another: async () => ({ ...ada, accessToken: 'third' }) })
    assert.equal((await ask(url, '/session/x', { headers })).status, 401)
    assert.deepEqual([seen.length, asked()], [2, 1])
  })

  it('leaves the reply of the service as it is where there is no other one', async (t) => {
    for (const another of [
      async () => undefined,
      async () => {
        throw new BffError('IDP_UNAVAILABLE', 'the provider is away')
      },
    ]) {
      const { url, seen } = await revoked(t, { another })
      const { status, body } = await ask(url, '/session/x', { headers })
      assert.deepEqual([status, body, seen.length], [401, 'refused', 1])
    }
  })

  it('is none of a session’s on other routes, nor where the service means something else', async (t) => {
    const { url, asked } = await revoked(t)
    assert.equal((await ask(url, '/bearer/x', { headers: { authorization: 'Bearer good' } })).status, 401)
    assert.equal(asked(), 0)
    const other = await revoked(t, { says: 'Basic realm="invalid_token"' })
    assert.equal((await ask(other.url, '/session/x', { headers })).status, 401)
    assert.equal(other.asked(), 0)
  })
})
