import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { ask, routeTo, startProxy } from './estate.ts'
import { begin, responseTo, startHeld } from './held.ts'

describe('a proxy that is stopped', () => {
  it('lets replies that are on their way arrive', async (t) => {
    const { url, app, called } = await startHeld(t, {}, false)
    const outgoing = begin(url)
    outgoing.end()
    const [, service] = await called()
    const closed = app.close()
    await eventually(
      () => ask(url, '/api/x').catch(() => ({ status: 0 })),
      ({ status }) => status === 503,
    )
    service.write('half')
    const incoming = await responseTo(outgoing)
    service.end(', whole')
    assert.equal((await incoming.toArray()).join(''), 'half, whole')
    await closed
  })

  it('waits for no stream, and for no service that does not answer', async (t) => {
    const { url, app, called, upstream } = await startHeld(t)
    const stream = begin(url)
    stream.end()
    const [, service] = await called()
    service.write('data: 1\n\n')
    const incoming = await responseTo(stream)
    const broken = once(incoming, 'error')
    incoming.resume()
    await app.close()
    await broken
    const brief = await startProxy(t, { routes: [routeTo(upstream.url, { path: '/api/*' })] })
    const outcome = ask(brief.url, '/api/x').then(
      ({ status }) => status,
      ({ code }) => code,
    )
    await called()
    await brief.app.close()
    assert.ok([502, 'ECONNRESET'].includes(await outcome))
  })
})
