import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { isProved } from '../../src/instances/verdict.ts'
import { at, Issuer, pollingApi, serve, serveOn, shutOut, tools } from './estate.ts'

/** A balancer of connections: it knows nothing of HTTP. */
async function balancer(t: TestContext, backends: readonly string[], choose: (connections: number) => number) {
  let connections = 0
  const server = createServer((client) => {
    const { port } = new URL(backends[choose(connections++) % backends.length] as string)
    const backend = connect(Number(port), '127.0.0.1')
    for (const socket of [client, backend]) {
      socket.on('error', () => undefined)
      socket.on('close', () => [client, backend].map((one) => one.destroy()))
    }
    client.pipe(backend).pipe(client)
  })
  return new Promise<string>((resolve) => {
    t.after(() => server.close())
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as { port: number }).port}`))
  })
}

/** Numbers that look random and are the same each time (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

const apis = (t: TestContext, issuer: Issuer, obeys: readonly boolean[]) =>
  Promise.all(obeys.map(async (internal) => serve(t, await pollingApi(t, issuer, { internal }))))

describe('several processes behind one address', { timeout: 60_000, concurrency: false }, () => {
  for (const [how, choose] of [
    ['in turn', (connections: number) => connections],
    ['at random', random(7)],
  ] as const) {
    it(`that answer ${how} are each refreshed, told, and proved`, async (t) => {
      const issuer = await Issuer.start(t)
      const url = await balancer(t, await apis(t, issuer, [true, true, true]), choose)
      const { refreshes, verdicts } = await shutOut(issuer, [at(url)])
      assert.deepEqual([refreshes[0]?.outcome, refreshes[0]?.denied], ['refreshed', true])
      assert.equal(refreshes[0]?.answeredBy.length, 3)
      assert.ok(isProved(verdicts[0] ?? assert.fail()))
    })

    it(`that answer ${how} are not proved while one of them goes on accepting`, async (t) => {
      const issuer = await Issuer.start(t)
      const url = await balancer(t, await apis(t, issuer, [true, true, false]), choose)
      const { refreshes, verdicts } = await shutOut(issuer, [at(url)])
      assert.notEqual(refreshes[0]?.outcome, 'refreshed')
      const { oldRefused, freshAccepted, provedAt } = verdicts[0] ?? assert.fail()
      assert.deepEqual([oldRefused, freshAccepted, provedAt], [false, true, undefined])
    })
  }

  it('that say no names are found to disagree', async (t) => {
    const issuer = await Issuer.start(t)
    const [good, stale] = await apis(t, issuer, [true, false])
    let isAlone = true
    const url = await balancer(t, [good, stale] as string[], (connections) => (isAlone ? 0 : connections))
    const onRound = () => {
      isAlone = false
    }
    const { verdicts } = await shutOut(issuer, [at(url)], { onRound })
    assert.equal(verdicts[0]?.oldRefused, false)
  })
})

describe('a name with several addresses', { timeout: 20_000 }, () => {
  it('has an instance at each of them, which is refreshed and proved for itself', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, await pollingApi(t, issuer))
    const { port } = new URL(url)
    const stale = await pollingApi(t, issuer, { internal: false })
    await serveOn(t, createHttpServer(stale), 'http', '::1', Number(port))
    const named = { url: `http://orders.internal:${port}`, path: '/hello', everyAddress: true }
    const mine = tools({ lookup: async () => ['::1', '127.0.0.1', '::1'] })
    const instances = await mine.instancesOf([named])
    assert.deepEqual(
      instances.map(({ address }) => address),
      ['127.0.0.1', '::1'],
    )
    const { refreshes, verdicts } = await shutOut(issuer, instances)
    assert.deepEqual(
      refreshes.map(({ outcome }) => outcome),
      ['refreshed', 'absent'],
    )
    assert.deepEqual(
      verdicts.map(({ address, oldRefused }) => [address, oldRefused]),
      [
        ['127.0.0.1', true],
        ['::1', false],
      ],
    )
  })

  it('that does not resolve stays, as an instance that cannot be reached', async () => {
    const nowhere = { url: 'http://orders.invalid', path: '/hello', everyAddress: true }
    const failing = tools({ lookup: () => Promise.reject(new Error('NXDOMAIN')) })
    const instances = await failing.instancesOf([nowhere])
    assert.deepEqual(instances, [{ url: nowhere.url, path: '/hello' }])
    const [baseline] = await failing.baselineOf(instances)
    assert.match(baseline?.problem ?? '', /^it has a name that does not resolve/)
  })
})
