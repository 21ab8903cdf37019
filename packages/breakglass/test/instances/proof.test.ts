import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BreakGlassError } from '../../src/error.ts'
import { brokenToken } from '../../src/instances/answers.ts'
import type { InstanceVerdict } from '../../src/instances/verdict.ts'
import { systemClock } from '../clock.ts'
import { at, Issuer, pollingApi, SECRET, serve, shutOut, tools } from './estate.ts'

const since = '2026-11-21T12:00:00.000Z'
const refuses = { code: 'key_revoked' }

describe('a proof', { timeout: 30_000 }, () => {
  it('is none where the old token was refused before, unless it is the key that is refused now', async (t) => {
    const issuer = await Issuer.start(t)
    const old = issuer.probe('old')
    let code = 'token_lifetime_too_long'
    const url = await serve(t, (request, response) => {
      const token = request.headers.authorization?.slice(7)
      if (token === good) return void response.end()
      response.writeHead(401).end(JSON.stringify(token === old.token ? { code } : refuses))
    })
    const fresh = issuer.probe('new')
    const good = fresh.token
    const baselines = await tools().baselineOf([at(url)], old)
    assert.deepEqual([baselines[0]?.compromised, baselines[0]?.reason], ['refused', 'token_lifetime_too_long'])
    const probes = { old, fresh: async () => fresh, denied: async () => issuer.probe('new') }
    const request = { kid: 'old', since, baselines, withinMs: 0 }
    const [before] = await tools().proveInstances([at(url)], probes, request)
    assert.equal(before?.oldRefused, null)
    assert.match(before?.problems[0] ?? '', /before that was revoked \(token_lifetime_too_long\)/)
    code = 'key_revoked'
    const [after] = await tools().proveInstances([at(url)], probes, request)
    assert.deepEqual([after?.oldRefused, after?.problems], [true, []])
  })

  it('is none with an old token that has ended, or where there is none; the rest is proved', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, await pollingApi(t, issuer))
    for (const [old, why] of [
      [
        { ...issuer.probe('old'), expiresAt: '2026-01-01T00:00:00Z' },
        'it has ended, and would be refused for that alone',
      ],
      [undefined, 'none could be made'],
    ] as const) {
      const probes = { old, fresh: async () => issuer.probe('new'), denied: async () => issuer.probe('new') }
      const denied = async () => ({ unavailable: 'the provider has no deny-list' })
      const request = { kid: 'old', since, withinMs: 60_000 }
      const [verdict] = await tools().proveInstances([at(url)], { ...probes, denied }, request)
      assert.deepEqual([verdict?.oldRefused, verdict?.freshAccepted, verdict?.deniedRefused], [null, true, null])
      assert.deepEqual(verdict?.problems, [
        `a token by the compromised key could not be tried: ${why}`,
        'a token that is denied could not be tried: the provider has no deny-list',
      ])
    }
  })

  it('tells a verifier that polls of a denied token that was made after the refresh', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, await pollingApi(t, issuer))
    issuer.revoke()
    const refreshes = await tools().refreshInstances([at(url)], { token: SECRET, entries: [{ kid: 'old' }] })
    const probes = {
      old: issuer.probe('old'),
      fresh: async () => issuer.probe('new'),
      denied: async () => issuer.probe('new'),
    }
    const request = { kid: 'old', since, withinMs: 5_000 }
    const [told] = await tools().proveInstances([at(url)], probes, { ...request, refreshes, token: SECRET })
    assert.deepEqual([told?.deniedRefused, told?.rounds], [true, 3])
    // Also where nothing is known of a refresh: it is told when it is seen to accept.
    const [again] = await tools().proveInstances([at(url)], probes, { ...request, token: SECRET })
    assert.equal(again?.deniedRefused, true)
    const [untold] = await tools().proveInstances([at(url)], probes, { ...request, withinMs: 0, refreshes })
    // Whoever was not told shows nothing by taking it.
    assert.equal(untold?.deniedRefused, null)
    assert.match(
      untold?.problems.join() ?? '',
      /that shows nothing: it was not told of it: the secret .* is not known here, or it was not named/,
    )
    assert.match(untold?.worstCase?.text ?? '', /^tokens of the sessions concerned/)
    assert.ok(Date.parse(untold?.worstCase?.until ?? '') > systemClock())
  })

  it('tells it again of what it did not take, and says so while it does not', async (t) => {
    const issuer = await Issuer.start(t)
    const api = await pollingApi(t, issuer)
    let takes = false
    const url = await serve(t, (request, response) => {
      const isTold = request.method === 'POST' && request.url === '/internal/auth/deny'
      return isTold && !takes ? void response.writeHead(503).end() : api(request, response)
    })
    issuer.revoke()
    await tools().refreshInstances([at(url)], { token: SECRET, entries: [] })
    const denied = issuer.probe('new')
    const probes = { old: issuer.probe('old'), fresh: async () => issuer.probe('new'), denied: async () => denied }
    const onRound = ({ problems }: InstanceVerdict) => {
      takes ||= /shows nothing: it did not take it when it was told of it/.test(problems.join())
    }
    const request = { kid: 'old', since, token: SECRET, withinMs: 10_000, onRound }
    const [verdict] = await tools().proveInstances([at(url)], probes, request)
    assert.ok(takes, 'it was said that it did not take it')
    assert.equal(verdict?.deniedRefused, true, verdict?.problems.join())
  })

  it('waits for an instance that comes back within the time, and for a provider that is away', async (t) => {
    const issuer = await Issuer.start(t)
    const api = await pollingApi(t, issuer)
    let answers = 0
    const url = await serve(t, (request, response) => {
      if (++answers < 5) return void response.writeHead(503).end()
      return api(request, response)
    })
    issuer.revoke()
    const denied = issuer.probe('new')
    await tools().refreshInstances([at(url)], { token: SECRET, entries: [{ kid: 'old' }, { jti: denied.jti }] })
    answers = 0
    let asked = 0
    const fresh = async () => {
      if (++asked === 1) throw new BreakGlassError('PROVIDER_UNREACHABLE', 'the provider is away')
      return issuer.probe('new')
    }
    const rounds: InstanceVerdict[] = []
    const request = { kid: 'old', since, withinMs: 20_000, onRound: (verdict: InstanceVerdict) => rounds.push(verdict) }
    const probes = { old: issuer.probe('old'), fresh, denied: async () => denied }
    const [verdict] = await tools().proveInstances([at(url)], probes, request)
    assert.equal(verdict?.freshAccepted, true)
    assert.ok(rounds.some(({ freshAccepted }) => freshAccepted === null))
    assert.deepEqual(rounds.at(-1), verdict)
  })

  it('waits for a provider that is away, and ends with what is no outage', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, await pollingApi(t, issuer))
    const unavailable = async () => ({ unavailable: 'there is no deny-list' })
    const request = { kid: 'old', since, withinMs: 20_000 }
    let asked = 0
    const fresh = async () => {
      if (++asked < 3) throw new BreakGlassError('PROVIDER_REFUSED', 'not now')
      return issuer.probe('new')
    }
    const [verdict] = await tools().proveInstances([at(url)], { fresh, denied: unavailable }, request)
    assert.deepEqual([verdict?.freshAccepted, asked], [true, 3])
    const taken = () => Promise.reject(new BreakGlassError('INCIDENT_CLAIMED', 'somebody else goes on with it'))
    await assert.rejects(
      tools().proveInstances([at(url)], { fresh: taken, denied: unavailable }, request),
      (error: BreakGlassError) => error.code === 'INCIDENT_CLAIMED',
    )
  })

  it('needs rounds in a row: who wavers is not proved', async (t) => {
    const issuer = await Issuer.start(t)
    const old = issuer.probe('old')
    const fresh = issuer.probe('new')
    let times = 0
    const url = await serve(t, (request, response) => {
      const token = request.headers.authorization?.slice(7)
      // Each third time, as one process of three that was missed.
      const accepts = token === fresh.token || (token === old.token && ++times % 3 === 0)
      response.writeHead(accepts ? 200 : 401).end()
    })
    const probes = { old, fresh: async () => fresh, denied: async () => issuer.probe('new') }
    const [verdict] = await tools().proveInstances([at(url)], probes, { kid: 'old', since, withinMs: 1_500 })
    assert.deepEqual([verdict?.oldRefused, verdict?.provedAt], [false, undefined])
  })

  it('keeps no secret: neither its tokens nor that of the internal endpoints, though an API repeats them', async (t) => {
    const issuer = await Issuer.start(t)
    const url = await serve(t, (request, response) => {
      const { authorization } = request.headers
      response.writeHead(request.method === 'POST' ? 200 : 401)
      response.end(
        JSON.stringify({ code: authorization, error: authorization, kids: [authorization], message: authorization }),
      )
    })
    const { baselines, refreshes, verdicts, old, denied } = await shutOut(issuer, [at(url)], { withinMs: 0 })
    const text = JSON.stringify({ baselines, refreshes, verdicts })
    for (const secret of [SECRET, old.token, denied.token]) assert.equal(text.includes(secret), false)
    assert.equal(refreshes[0]?.outcome, 'refreshed')
  })
})

describe('a broken token', () => {
  it('differs in its signature alone, and is one also where there is no token', async (t) => {
    const { token } = (await Issuer.start(t)).probe('old')
    const broken = brokenToken({ token, kid: 'old' })
    assert.deepEqual(broken.split('.').slice(0, 2), token.split('.').slice(0, 2))
    assert.notEqual(broken, token)
    assert.equal(broken.length, token.length)
    for (const none of [undefined, { token: 'opaque', kid: 'k' }, { token: 'a.b.c', kid: 'k' }]) {
      assert.equal(brokenToken(none), 'e30.e30.AAAA')
    }
  })
})
