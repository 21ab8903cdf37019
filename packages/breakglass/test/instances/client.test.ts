import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { describe, it } from 'node:test'
import { BreakGlassError } from '../../src/error.ts'
import { httpClient, Unanswered } from '../../src/instances/client.ts'
import { Lanes } from '../../src/instances/lanes.ts'
import { at, serve, tools } from './estate.ts'

const get = { method: 'GET', path: '/hello', token: 'hush' } as const

describe('asking an instance', { timeout: 20_000 }, () => {
  it('is done on a new connection each time, below its path, as who it is', async (t) => {
    const seen: IncomingMessage[] = []
    const url = await serve(t, (request, response) => {
      seen.push(request)
      response.end()
    })
    const ask = httpClient()
    for (let time = 0; time < 3; time++) await ask({ url: `${url}/v1` }, get)
    assert.equal(new Set(seen.map(({ socket }) => socket)).size, 3)
    const { url: path, headers } = seen[0] ?? assert.fail()
    assert.deepEqual([path, headers.authorization, headers.connection], ['/v1/hello', 'Bearer hush', 'close'])
  })

  it('reads no more of an answer than it needs, however long it is', async (t) => {
    const endless = await serve(t, (request, response) => {
      response.statusCode = request.url === '/bad' ? 401 : 200
      response.on('error', () => undefined)
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      }
      response.on('drain', more)
      more()
    })
    assert.deepEqual(await httpClient()({ url: endless }, get), { status: 200, text: '' })
    const { status, text } = await httpClient()({ url: endless }, { ...get, path: '/bad' })
    assert.deepEqual([status, text.length], [401, 65_536])
  })

  it('goes by the status where the rest breaks off, or never comes', async (t) => {
    const breaks = await serve(t, (_request, response) => {
      response.writeHead(401, { 'content-length': 100 }).write('{', () => response.destroy())
    })
    const hangs = await serve(t, (_request, response) => void response.writeHead(401).write('{'))
    assert.equal((await httpClient()({ url: breaks }, get)).status, 401)
    assert.equal((await httpClient({ withinMs: 200 })({ url: hangs }, get)).status, 401)
  })

  it('says why there is no answer, without the token', async () => {
    const down = httpClient()({ url: 'http://127.0.0.1:1' }, get)
    await assert.rejects(
      down,
      (error: Error) => error instanceof Unanswered && error.message === 'refuses the connection',
    )
  })

  it('ends with an interruption, and not as if the instance had failed', async (t) => {
    const stop = new AbortController()
    const hangs = await serve(t, () => stop.abort())
    const interrupted = (error: unknown) => error instanceof BreakGlassError && error.code === 'INTERRUPTED'
    const asked = tools().refreshInstances([at(hangs)], { token: 'hush', entries: [] }, stop.signal)
    await assert.rejects(asked, interrupted)
    const waits = new AbortController()
    const request = { kid: 'k', since: '2026-01-01T00:00:00Z', withinMs: 60_000, onRound: () => waits.abort() }
    const unavailable = async () => ({ unavailable: 'not now' })
    const url = await serve(t, (_request, response) => void response.writeHead(500).end())
    const old = { token: 'a.b.c', kid: 'k' }
    const proof = tools().proveInstances(
      [at(url)],
      { old, fresh: unavailable, denied: unavailable },
      request,
      waits.signal,
    )
    await assert.rejects(proof, interrupted)
  })
})

describe('lanes', () => {
  it('let so many be under way at a time, and those that take long no longer count', { timeout: 10_000 }, async () => {
    const lanes = new Lanes(2)
    let underWay = 0
    let most = 0
    const quick = () =>
      lanes.run(async () => {
        most = Math.max(most, ++underWay)
        await new Promise(setImmediate)
        underWay--
      })
    await Promise.all(Array.from({ length: 20 }, quick))
    assert.equal(most, 2)
    const hang = new AbortController()
    const slow = Array.from({ length: 2 }, () => lanes.run(() => once(hang.signal, 'abort')))
    await quick()
    hang.abort()
    await Promise.all(slow)
  })

  it('are given back by what fails', async () => {
    const lanes = new Lanes(1)
    await assert.rejects(lanes.run(() => Promise.reject(new RangeError())))
    assert.equal(await lanes.run(async () => 7), 7)
  })
})
