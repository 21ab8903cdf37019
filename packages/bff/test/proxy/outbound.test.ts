import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { outboundFetch } from '../../src/proxy/outbound.ts'
import { startUpstream } from './estate.ts'

describe('what is called from here', () => {
  it('are origins that are configured, whatever else is asked for', async (t) => {
    const known = await startUpstream(t)
    const other = await startUpstream(t)
    const call = outboundFetch(fetch, new Set([known.url]))
    assert.equal((await call(`${known.url}/token`, { method: 'POST', body: 'a=b' })).status, 200)
    assert.equal((await call(new URL(`${known.url}/keys`))).status, 200)
    assert.equal((await call(new Request(`${known.url}/userinfo`))).status, 200)
    for (const input of [`${other.url}/?token=secret`, new URL(other.url), new Request(other.url)]) {
      await assert.rejects(call(input), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'UPSTREAM_REFUSED')
        assert.doesNotMatch(error.message, /secret/)
        return true
      })
    }
    assert.equal(other.seen.length, 0)
  })

  it('is nothing that a redirect leads to', async (t) => {
    const other = await startUpstream(t)
    const known = await startUpstream(t, (_incoming, outgoing) =>
      outgoing.writeHead(307, { location: other.url }).end(),
    )
    const call = outboundFetch(fetch, new Set([known.url]))
    assert.equal((await call(known.url, { redirect: 'follow' })).status, 307)
    assert.equal(other.seen.length, 0)
  })
})
