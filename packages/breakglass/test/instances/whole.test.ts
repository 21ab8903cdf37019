import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { describe, it } from 'node:test'
import { makeCertificate } from '@rekey/verifier/testing'
import { type InstanceVerdict, isProved } from '../../src/instances/verdict.ts'
import { at, Issuer, joseApi, pollingApi, SECRET, serve, serveOn, shutOut, tools } from './estate.ts'

const REFRESH = '/internal/auth/jwks/refresh'
const DENY = '/internal/auth/deny'

const json = (body: unknown): RequestListener => {
  return (_request, response) => void response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
}

describe('instances of APIs, when a key is compromised', { timeout: 60_000, concurrency: false }, () => {
  it('on a verifier that polls: refreshed, told what is denied, and proved', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, await pollingApi(t, issuer))
    const { baselines, refreshes, verdicts } = await shutOut(issuer, [at(url)])
    assert.deepEqual(baselines, [{ url, path: '/hello', refusal: 401, compromised: 'accepted' }])
    const { reply, at: when, answeredBy, ...refresh } = refreshes[0] ?? assert.fail()
    assert.deepEqual(refresh, { url, path: '/hello', outcome: 'refreshed', status: 200, denied: true })
    const { removed, kids, instance } = reply as Record<string, unknown>
    assert.deepEqual([removed, kids, [instance]], [['old'], ['new'], answeredBy])
    const { provedAt, ...verdict } = verdicts[0] ?? assert.fail()
    assert.deepEqual(verdict, {
      url,
      path: '/hello',
      oldRefused: true,
      freshAccepted: true,
      deniedRefused: true,
      rounds: 3,
      processes: 1,
      problems: [],
    })
    assert.ok(provedAt !== undefined && provedAt >= when)
  })

  it('whose internal endpoints nobody opened: accept the old token, and are named with their worst case', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, await pollingApi(t, issuer, { internal: false }))
    const instance = at(url, { library: '@rekey/verifier' })
    const { refreshes, verdicts, since } = await shutOut(issuer, [instance])
    assert.deepEqual([refreshes[0]?.outcome, refreshes[0]?.status, refreshes[0]?.denied], ['absent', 404, false])
    const [verdict = assert.fail()] = verdicts
    assert.deepEqual([verdict.oldRefused, verdict.freshAccepted, verdict.deniedRefused], [false, true, null])
    assert.equal(verdict.problems[0], 'it accepts a token by the compromised key (200)')
    assert.equal(verdict.worstCase?.until, new Date(Date.parse(since) + 3_600_000).toISOString())
    assert.match(verdict.fallback ?? '', /restart every process .*"JWKS bootstrap: trust held" .* do not name old/)
    assert.equal(verdict.provedAt, undefined)
  })

  it('on `jose`: accept the old token for ten minutes', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, joseApi(issuer))
    const { verdicts, since } = await shutOut(issuer, [at(url, { library: 'jose@6.2' })])
    const [verdict = assert.fail()] = verdicts
    assert.deepEqual([verdict.oldRefused, verdict.freshAccepted, verdict.deniedRefused], [false, true, null])
    assert.match(verdict.problems[1] ?? '', /it has no deny-list that can be told of it/)
    assert.deepEqual(verdict.worstCase, {
      text: 'jose@6.2 keeps keys for 10 minutes',
      until: new Date(Date.parse(since) + 600_000).toISOString(),
    })
    assert.doesNotMatch(verdict.fallback ?? '', /bootstrap/)
  })

  it('that are down, hang, or answer 500 are named, and hold nobody up', async (t) => {
    const issuer = await Issuer.start(t)
    const good = at(await serve(t, await pollingApi(t, issuer)))
    const down = at('http://127.0.0.1:1')
    const hangs = at(await serve(t, () => undefined))
    const broken = at(await serve(t, (_request, response) => void response.writeHead(500).end()))
    const over: string[] = []
    const onRound = ({ url, provedAt, oldRefused }: InstanceVerdict) => {
      if (provedAt !== undefined || (url === hangs.url && oldRefused === null)) over.push(url)
    }
    const instances = [down, hangs, broken, good]
    const impatient = tools({ withinMs: 1_500 })
    const { refreshes, verdicts } = await shutOut(issuer, instances, { withinMs: 0, onRound }, SECRET, impatient)
    assert.deepEqual(over, [good.url, hangs.url])
    assert.deepEqual(
      refreshes.map(({ outcome, message }) => [outcome, message]),
      [
        ['unreachable', 'it refuses the connection'],
        ['unreachable', 'it does not answer within 1.5 s'],
        ['failed', 'it answers 500'],
        ['refreshed', undefined],
      ],
    )
    for (const verdict of verdicts.slice(0, 3)) {
      assert.deepEqual([verdict.oldRefused, verdict.freshAccepted, verdict.deniedRefused], [null, null, null])
      assert.match(verdict.worstCase?.text ?? '', /is not known/)
      assert.equal(verdict.worstCase?.until, null)
      assert.ok(verdict.fallback)
    }
    assert.equal(verdicts[0]?.problems[0], 'it refuses the connection')
    assert.equal(verdicts[1]?.problems[0], 'it does not answer within 1.5 s')
    assert.match(verdicts[2]?.problems[0] ?? '', /^it answers 500 at \/hello, which says nothing/)
    assert.ok(isProved(verdicts[3] ?? assert.fail()))
  })

  it('that answer 200 to the refresh and go on accepting are found out', async (t) => {
    const issuer = await Issuer.start(t)
    const api = joseApi(issuer)
    const url = await serve(t, (request, response) => {
      if (request.url === REFRESH) return json({ issuer: issuer.url, revision: null, kids: ['new'] })(request, response)
      if (request.url === DENY) return json({ entries: [] })(request, response)
      return api(request, response)
    })
    const { refreshes, verdicts } = await shutOut(issuer, [at(url)])
    assert.deepEqual([refreshes[0]?.outcome, refreshes[0]?.denied], ['refreshed', true])
    assert.deepEqual([verdicts[0]?.oldRefused, verdicts[0]?.deniedRefused], [false, false])
  })

  it('that cannot ask the issuer answer 502, and refuse the key all the same because it is denied', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, await pollingApi(t, issuer))
    issuer.up = false
    const { refreshes, verdicts } = await shutOut(issuer, [at(url)])
    const { outcome, status, denied, message } = refreshes[0] ?? assert.fail()
    assert.deepEqual([outcome, status, denied, message], ['failed', 502, true, 'it answers 502 (jwks_failed)'])
    assert.ok(isProved(verdicts[0] ?? assert.fail()))
  })

  it('that refuse everything are not proved', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, (_request, response) => void response.writeHead(401).end('{"code":"token_malformed"}'))
    const { verdicts, baselines, refreshes } = await shutOut(issuer, [at(url)])
    assert.deepEqual([baselines[0]?.compromised, baselines[0]?.reason], ['refused', 'token_malformed'])
    assert.equal(refreshes[0]?.outcome, 'refused')
    const [verdict = assert.fail()] = verdicts
    assert.deepEqual([verdict.oldRefused, verdict.freshAccepted, verdict.deniedRefused], [null, false, true])
    assert.ok(verdict.problems.includes('it refuses a fresh token (401 token_malformed)'))
    assert.ok(verdict.problems.some((text) => /before that was revoked \(token_malformed\)/.test(text)))
  })

  it('that redirect, or whose path needs no token, show nothing', async (t) => {
    const issuer = await Issuer.start(t)
    const elsewhere: string[] = []
    const target = await serve(t, (request, response) => {
      elsewhere.push(String(request.headers.authorization))
      response.end()
    })
    const moved: RequestListener = (_request, response) => void response.writeHead(308, { location: target }).end()
    const instances = [at(await serve(t, moved)), at(await serve(t, json({})))]
    const { verdicts, refreshes } = await shutOut(issuer, instances, { withinMs: 300 })
    assert.deepEqual(elsewhere, [])
    assert.match(refreshes[0]?.message ?? '', /^it redirects \(308\)/)
    for (const [index, status] of [308, 200].entries()) {
      const verdict = verdicts[index] ?? assert.fail()
      assert.deepEqual([verdict.oldRefused, verdict.freshAccepted, verdict.deniedRefused], [null, null, null])
      assert.match(verdict.problems[0] ?? '', new RegExp(`answers ${status} to a token whose signature is broken`))
    }
  })

  it('that allow the caller little accept his token all the same', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, await pollingApi(t, issuer, { scopes: ['orders:write'] }))
    const probe = issuer.probe('new')
    assert.equal((await fetch(`${url}/hello`, { headers: { authorization: `Bearer ${probe.token}` } })).status, 403)
    const { baselines, verdicts } = await shutOut(issuer, [at(url)])
    assert.equal(baselines[0]?.compromised, 'accepted')
    assert.ok(isProved(verdicts[0] ?? assert.fail()))
  })

  it('behind TLS are called at their address, by their name', async (t) => {
    const issuer = await Issuer.start(t)
    const { key, cert } = makeCertificate()
    const names = new Set<string>()
    const SNICallback = (name: string, done: (error: null) => void) => {
      names.add(name)
      done(null)
    }
    const hosts = new Set<string | undefined>()
    const api = await pollingApi(t, issuer)
    const server = createTlsServer({ key, cert, SNICallback }, (request, response) => {
      hosts.add(request.headers.host)
      api(request, response)
    })
    const port = new URL(await serveOn(t, server, 'https', '127.0.0.1')).port
    const url = `https://localhost:${port}`
    const mine = tools({ ca: cert, lookup: async () => ['127.0.0.1'] })
    const target = { url, path: '/hello', everyAddress: true }
    const instances = await mine.instancesOf([target])
    assert.deepEqual(instances, [{ url, path: '/hello', address: '127.0.0.1' }])
    const { verdicts } = await shutOut(issuer, instances, {}, SECRET, mine)
    assert.ok(isProved(verdicts[0] ?? assert.fail()))
    assert.deepEqual([[...names], [...hosts]], [['localhost'], [`localhost:${port}`]])
    const [stranger] = await tools().baselineOf(instances, issuer.probe('new'))
    assert.match(stranger?.problem ?? '', /^it has a certificate that is not trusted \([A-Z_]+\)$/)
  })

  it('on the feed are held to the end of their lease', async (t) => {
    const issuer = await Issuer.start(t)
    const answer = json({ kids: [], revision: { epoch: 1, n: 1 }, instance: 'api-7' })
    const url = await serve(t, (request, response) => {
      // One that is cut off from now on.
      if (request.method === 'POST') return answer(request, response)
      request.socket.destroy()
    })
    const verifiers = [
      { id: 'orders/api-7', acceptsUntil: '2027-01-01T00:00:00.000Z' },
      { id: 'orders/api-8', acceptsUntil: '2028-01-01T00:00:00.000Z' },
    ]
    const { verdicts } = await shutOut(issuer, [at(url)], { verifiers, withinMs: 0 })
    assert.deepEqual([verdicts[0]?.oldRefused, verdicts[0]?.problems], [null, ['it breaks the connection off']])
    assert.equal(verdicts[0]?.worstCase?.until, '2027-01-01T00:00:00.000Z')
  })
})
