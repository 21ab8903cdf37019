/** The runbook for a compromised JWKS, line by line: what it asks for, on a real estate with requests under way all the time. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type IncidentEvidence, type StepName, stepOf } from '@rekey/breakglass'
import type { IncidentDocument } from '../../src/break-glass/document.ts'
import { systemClock } from '../../src/clock.ts'
import { cachingApi } from '../break-glass/caching-api.ts'
import { temporaryFolder } from '../folder.ts'
import type { Ran } from '../shell.ts'
import { Place, type Up } from '../up.ts'
import { callsUnderWay } from './calls.ts'
import { pollingApi } from './polling-api.ts'

const incident = 'INC-2041'
const secret = 'r'.repeat(64)
const refreshPath = '/internal/auth/jwks/refresh'
const dayMs = 86_400_000

describe('the runbook for a compromised JWKS', { timeout: 180_000 }, () => {
  let place: Place
  let up: Up
  /** Refreshes when it is told to. */
  let polling: Awaited<ReturnType<typeof pollingApi>>
  /** The same without the secret, so that nobody can tell it anything. */
  let unreached: Awaited<ReturnType<typeof pollingApi>>
  /** Not ours. */
  let caching: Awaited<ReturnType<typeof cachingApi>>
  let calls: ReturnType<typeof callsUnderWay>
  let endLoad: () => Promise<Ran>
  /** The compromised key, and a token by it. */
  let kid: string
  let old: string
  /** Whose sessions are known to be compromised: an access token by a key that is good, and one for administration. */
  let mallory: { clientId: string; clientSecret: string; token: string; session: string }
  /** By the same good key, of somebody else. */
  let bystander: string
  let began: number
  let ran: Ran
  let found: IncidentDocument
  let evidence: IncidentEvidence

  before(async () => {
    place = await Place.find()
    place.more = { INTERNAL_JWKS_REFRESH_TOKEN: secret }
    up = place.up('--idps', '2')
    await up.ready()
    await signedByAnotherKeyring()
    const { idp } = place.estate
    polling = await pollingApi(idp, { INTERNAL_JWKS_REFRESH_TOKEN: secret })
    unreached = await pollingApi(idp, {})
    caching = await cachingApi(idp)
    await caching.warm(await token())
    kid = (await versions('signing-es256')).find(({ state }) => state === 'active')?.id ?? ''
    old = await token()
    endLoad = await place.load(50)
    calls = callsUnderWay([polling.url, unreached.url], token)
    began = systemClock()
    ran = await place.rekey('break-glass', ...words(), '--json')
    found = JSON.parse(ran.stdout)
    evidence = await shown(found.evidence)
  })

  after(async () => {
    await Promise.all([calls?.end(), polling?.close(), unreached?.close(), caching?.close()])
    if (up.process.exitCode === null) up.process.kill('SIGTERM')
    await up.exited
    place.remove()
  })

  describe('immediate actions', () => {
    test('freeze high-risk admin operations: every instance refuses them, and goes on issuing', async () => {
      const { access_token: bearer } = await json(await asked(place.estate.admin, 'agents:write'))
      for (const idp of place.estate.idps ?? []) {
        const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
        const reply = await fetch(`${idp}/api/v1/agents`, { method: 'POST', headers, body: '{"name":"late"}' })
        assert.deepEqual([reply.status, (await json(reply)).incident], [423, incident])
        assert.equal((await asked(place.estate.agent ?? mallory, undefined, idp)).status, 200)
      }
      assert.ok(before_('freeze', 'promote'), 'that was the first thing that was done')
    })

    test('rotate signing keys at the IdP: another key signs on every instance, and the compromised one is revoked', async () => {
      const versionsNow = await versions('signing-es256')
      assert.equal(versionsNow.find(({ id }) => id === kid)?.state, 'revoked')
      const active = versionsNow.find(({ state }) => state === 'active')?.id
      assert.notEqual(active, kid)
      for (const idp of place.estate.idps ?? []) {
        const { keys } = await json(await fetch(`${idp}/.well-known/jwks.json`))
        assert.equal(JSON.stringify(keys).includes(kid), false)
        const issued = (await json(await asked(place.estate.agent ?? mallory, undefined, idp))).access_token
        assert.equal(decoded(issued, 0).kid, active)
      }
      const historical = await (await fetch(`${place.estate.idp}/.well-known/federation-historical-keys`)).text()
      const key = decoded(historical, 1).keys.find((one: { kid: string }) => one.kid === kid)
      assert.equal(key?.revoked?.reason, 'compromised')
    })

    test('revoke known-compromised admin sessions via the deny-list: tokens and administration end, for them alone', async () => {
      for (const api of [...place.estate.apis, polling.url]) {
        assert.deepEqual(await hello(api, mallory.token), [401, 'token_denied'])
        assert.deepEqual(await hello(api, bystander), [200, undefined])
      }
      const reply = await fetch(`${place.estate.idp}/api/v1/keyrings`, bearerOf(mallory.session))
      await reply.body?.cancel()
      assert.equal(reply.status, 401)
    })

    test('force JWKS cache refresh on API instances: every one that can be told has the new keys', async () => {
      const outcomes = new Map(evidence.refreshes.map(({ url, outcome }) => [url, outcome]))
      for (const api of [...place.estate.apis, polling.url]) assert.equal(outcomes.get(api), 'refreshed')
      // Not ours: whatever is asked without a good token is refused there.
      assert.deepEqual([outcomes.get(unreached.url), outcomes.get(caching.url)], ['absent', 'refused'])
      const { kids } = refreshOf(polling.url).reply as { kids: string[] }
      assert.equal(kids.includes(kid), false)
    })
  })

  describe('JWKS refresh options', () => {
    test('the force-refresh operation is called on all API instances: each says so in its own log', () => {
      const refreshed = polling.lines.filter(({ text }) => text === 'refreshed on request')
      assert.ok(refreshed.some(({ removed }) => (removed as string[]).includes(kid)))
      assert.deepEqual(
        evidence.refreshes.map(({ url }) => url),
        [...place.estate.apis, polling.url, unreached.url, caching.url],
      )
    })

    test('POST /internal/auth/jwks/refresh is there when INTERNAL_JWKS_REFRESH_TOKEN is configured, and only then', async () => {
      for (const api of [...place.estate.apis, polling.url]) assert.equal((await refresh(api, secret)).status, 200)
      assert.equal((await refresh(unreached.url, secret)).status, 404)
    })

    test('request auth: Authorization: Bearer <INTERNAL_JWKS_REFRESH_TOKEN>, and nothing else', async () => {
      for (const api of [...place.estate.apis, polling.url]) {
        assert.equal((await refresh(api)).status, 401)
        assert.equal((await refresh(api, `${secret}r`)).status, 401)
        const wrongScheme = await fetch(api + refreshPath, { method: 'POST', headers: { authorization: secret } })
        assert.equal(wrongScheme.status, 401)
      }
    })

    test('once per API instance: each process was called and named itself, no two the same', () => {
      const names = [...place.estate.apis, polling.url].map((api) => refreshOf(api).answeredBy)
      for (const each of names) assert.equal(each.length, 1)
      assert.equal(new Set(names.flat()).size, names.length)
    })

    test('example: curl -sS -X POST -H "Authorization: Bearer ${INTERNAL_JWKS_REFRESH_TOKEN}" "http://<api-host>/internal/auth/jwks/refresh"', async () => {
      for (const api of [...place.estate.apis, polling.url]) {
        const headers = { Authorization: `Bearer ${secret}` }
        const response = await fetch(`${api}/internal/auth/jwks/refresh`, { method: 'POST', headers })
        const { issuer, kids } = await json(response)
        assert.deepEqual([response.status, issuer], [200, place.estate.idp])
        assert.equal(kids.includes(kid), false)
      }
    })

    test('current fallback: what cannot be told goes on accepting, and is named with a restart and its worst case', async () => {
      assert.equal(ran.code, 1)
      for (const { url, bound } of [
        { url: unreached.url, bound: 'trusts what it has for an hour while it cannot' },
        { url: caching.url, bound: 'jose keeps keys for 10 minutes' },
      ]) {
        const { oldRefused, fallback, worstCase } = verdictOf(found, url)
        assert.equal(oldRefused, false)
        assert.match(fallback ?? '', /^restart every process of it, one after the other/)
        assert.ok(worstCase?.text.includes(bound), worstCase?.text)
        assert.ok(found.open.some((text) => text.includes(url) && text.includes(bound)))
        assert.equal((await hello(url, old))[0], 200)
      }
      const { revokedAt = '' } = evidence.keys.after.find((key) => key.kid === kid) ?? {}
      const { until } = verdictOf(found, caching.url).worstCase ?? {}
      assert.equal(Date.parse(until ?? '') - Date.parse(revokedAt), 600_000, '10 min from the revocation on')
    })

    test('current fallback: perform rolling restart of API processes, so that the JWKS cache re-initializes from issuer', async () => {
      await unreached.restart()
      caching.restart()
      for (const api of [unreached.url, caching.url]) {
        assert.equal((await hello(api, old))[0], 401)
        assert.equal((await hello(api, await token()))[0], 200)
      }
      const { stdout } = await place.rekey('break-glass', 'check', incident, '--json')
      const checked: IncidentDocument = JSON.parse(stdout)
      assert.deepEqual([...new Set(checked.instances.map(({ oldRefused }) => oldRefused))], [true])
    })

    test('validate startup logs show successful JWKS bootstrap: with the keys of now', async () => {
      assert.match(verdictOf(found, unreached.url).fallback ?? '', new RegExp(`"JWKS bootstrap: trust held".*${kid}`))
      const bootstraps = unreached.lines.filter(({ text }) => text === 'JWKS bootstrap: trust held')
      const held = bootstraps.map(({ kids }) => (kids as string[]).includes(kid))
      assert.deepEqual(held, [true, false])
    })
  })

  describe('verification', () => {
    test('confirm API rejects tokens signed by retired key versions', async () => {
      for (const api of apis()) assert.equal((await hello(api, old))[0], 401)
      for (const api of [...place.estate.apis, polling.url]) assert.equal(verdictOf(found, api).oldRefused, true)
      // A refusal proves something only of whoever took the same token before.
      const { baselines } = stepOf(evidence.incident, 'probes').result as { baselines: { compromised: string }[] }
      assert.deepEqual([...new Set(baselines.map(({ compromised }) => compromised))], ['accepted'])
    })

    test('confirm valid fresh tokens continue to authenticate: none was refused by ours at any moment', async () => {
      for (const { freshAccepted } of found.instances) assert.equal(freshAccepted, true)
      const { made, refused } = await calls.end()
      assert.deepEqual(refused, [])
      assert.ok(made > 50, `${made} calls`)
      const { code, stdout } = await endLoad()
      const { failures, revokedRefusals, kids } = JSON.parse(stdout)
      assert.deepEqual([code, failures], [0, {}])
      assert.ok(revokedRefusals > 0 && kids.length > 1, 'tokens by both keys were in use')
    })

    test('confirm admin deny-list checks are functioning: a denied token is refused where the deny-list is', () => {
      for (const api of [...place.estate.apis, polling.url]) assert.equal(verdictOf(found, api).deniedRefused, true)
      for (const api of [unreached.url, caching.url]) assert.equal(verdictOf(found, api).deniedRefused, false)
    })

    test('record timestamps for key rotation, cache refresh/restart and verification checks', () => {
      const moments = [
        stepOf(evidence.incident, 'promote').startedAt,
        evidence.keys.after.find((key) => key.kid === kid)?.revokedAt,
        refreshOf(polling.url).at,
        verdictOf(found, polling.url).provedAt,
        evidence.sealedAt,
      ].map((at) => Date.parse(at ?? ''))
      assert.deepEqual(moments, moments.toSorted())
      for (const at of moments) assert.ok(at >= began && at < began + dayMs)
    })
  })

  describe('evidence to capture', () => {
    test('incident ticket ID and timeline', () => {
      assert.equal(evidence.incident.plan.incident, incident)
      const steps = evidence.incident.timeline.map(({ what }) => what)
      for (const what of ['frozen', 'step promote done', 'step revoke done', 'step refresh done', 'step prove done']) {
        assert.ok(steps.includes(what), what)
      }
    })

    test('key rotation evidence from IdP: states before and after, and the events with proof that they stand in the audit', () => {
      const stateOf = (keys: typeof evidence.keys.before) => keys.find((key) => key.kid === kid)?.state
      assert.deepEqual([stateOf(evidence.keys.before), stateOf(evidence.keys.after)], ['active', 'revoked'])
      assert.ok('events' in evidence.record, JSON.stringify(evidence.record))
      const proven = evidence.record.events.filter(({ proof }) => proof !== undefined)
      const actions = proven.map(({ event }) => JSON.parse(event).action)
      for (const action of ['keyring.revocation_requested', 'keyring.revoked', 'incident.opened', 'incident.frozen']) {
        assert.ok(actions.includes(action), `${action} of ${[...new Set(actions)]}`)
      }
    })

    test('API restart/refresh execution logs: what each instance answered, and when', () => {
      for (const { at, url, outcome, status } of evidence.refreshes) {
        assert.ok(Date.parse(at) > 0)
        assert.equal(status, outcome === 'refreshed' ? 200 : url === unreached.url ? 404 : 401)
      }
    })

    test('post-change auth verification results: of every instance, also of those that failed', () => {
      assert.deepEqual(evidence.instances, found.instances)
      assert.equal(evidence.verdict.contained, false)
      assert.deepEqual(
        evidence.instances.map(({ url }) => url),
        apis(),
      )
    })

    test('all of it is in one signed file that holds in another folder, without an estate', async () => {
      const { stdout: fingerprint } = await place.rekey('evidence', 'key')
      const elsewhere = await Place.find()
      mkdirSync(elsewhere.home, { recursive: true })
      const file = join(temporaryFolder(), basename(found.evidence ?? ''))
      renameSync(found.evidence ?? '', file)
      const verify = ['evidence', 'verify', file, '--signer', fingerprint.trim(), '--json']
      const { code, stdout, stderr } = await elsewhere.rekey(...verify)
      elsewhere.remove()
      assert.equal(code, 0, stderr)
      const { consistent, signer, name, proofs } = JSON.parse(stdout)
      assert.deepEqual([consistent, signer, name, proofs.waiting], [true, 'known', incident, 0])
      assert.ok(proofs.verified > 10)
    })
  })

  function words(): string[] {
    const feed = place.estate.apis.map((api) => `${api} library=@rekey/verifier-feed`)
    const others = [polling.url, `${unreached.url} library=@rekey/verifier`, `${caching.url} library=jose`]
    return [
      ...['--kid', kid, '--incident', incident, '--reason', 'found in a public bucket'],
      ...['--revoke-client', mallory.clientId, '--prove-for', '2s'],
      ...[...feed, ...others].flatMap((api) => ['--api', api]),
    ]
  }

  /** Tokens by a key that is not the compromised one: they end by the deny-list alone. */
  async function signedByAnotherKeyring(): Promise<void> {
    const created = await output('agent', 'create', 'mallory', '--scope', 'keyrings:read')
    await output('issue-with', 'signing-rs256', '--force', '--reason', 'drill')
    const access = (await json(await asked(created))).access_token
    const session = (await json(await asked(created, 'keyrings:read'))).access_token
    mallory = { ...created, token: access, session }
    bystander = await token()
    await output('issue-with', 'signing-es256', '--force', '--reason', 'drill')
  }

  const apis = () => [...place.estate.apis, polling.url, unreached.url, caching.url]

  function refreshOf(api: string) {
    return evidence.refreshes.find(({ url }) => url === api) ?? assert.fail(`no refresh of ${api}`)
  }

  function verdictOf({ instances }: Pick<IncidentDocument, 'instances'>, api: string) {
    return instances.find(({ url }) => url === api) ?? assert.fail(`no verdict about ${api}`)
  }

  function before_(one: StepName, other: StepName): boolean {
    const [first, second] = [one, other].map((name) => stepOf(evidence.incident, name))
    return Date.parse(first?.endedAt ?? '') <= Date.parse(second?.startedAt ?? '')
  }

  // biome-ignore lint/suspicious/noExplicitAny: documents are looked at member by member
  async function output(...words: string[]): Promise<any> {
    const { code, stdout, stderr } = await place.rekey(...words, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  async function shown(file: string | null): Promise<IncidentEvidence> {
    return output('evidence', 'show', file ?? assert.fail(ran.stderr))
  }

  async function versions(keyring: string): Promise<{ id: string; state: string }[]> {
    const { keyrings } = await output('status')
    return keyrings.find(({ name }: { name: string }) => name === keyring).versions
  }

  function asked({ clientId, clientSecret }: { clientId: string; clientSecret: string }, scope?: string, idp?: string) {
    const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope && { scope }) })
    return fetch(`${idp ?? place.estate.idp}/api/v1/token`, { method: 'POST', headers: { authorization }, body })
  }

  async function token(): Promise<string> {
    return (await json(await asked(place.estate.agent ?? mallory))).access_token
  }
})

const bearerOf = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

/** Status, and the code of a refusal. */
async function hello(api: string, token: string): Promise<[number, string | undefined]> {
  const response = await fetch(`${api}/hello`, bearerOf(token))
  const text = await response.text()
  return [response.status, text === '' ? undefined : JSON.parse(text).code]
}

async function refresh(api: string, token?: string): Promise<Response> {
  const response = await fetch(api + refreshPath, { method: 'POST', ...(token === undefined ? {} : bearerOf(token)) })
  await response.body?.cancel()
  return response
}

// biome-ignore lint/suspicious/noExplicitAny: replies are looked at member by member
async function json(response: Response): Promise<any> {
  return await response.json()
}

// biome-ignore lint/suspicious/noExplicitAny: claims are looked at member by member
function decoded(token: string, part: 0 | 1): any {
  return JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString())
}
