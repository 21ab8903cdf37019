/** The runbook for a compromised JWKS, line by line: what it asks for, on a real estate with requests under way all the time. */
import assert from 'node:assert/strict'
import { renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { stepOf } from '@rekey/breakglass'
import type { IncidentDocument } from '../../src/break-glass/document.ts'
import { temporaryFolder } from '../folder.ts'
import { Place, type Up } from '../up.ts'
import { compromised, incident, type Scene, secret } from './scene.ts'

const refreshPath = '/internal/auth/jwks/refresh'
const dayMs = 86_400_000

describe('the runbook for a compromised JWKS', { timeout: 180_000 }, () => {
  let place: Place
  let up: Up
  let scene: Scene
  before(async () => {
    place = await Place.find()
    place.more = { INTERNAL_JWKS_REFRESH_TOKEN: secret }
    up = place.up('--idps', '2')
    await up.ready()
    scene = await compromised(place)
  })
  after(async () => {
    await scene?.end()
    up.process.kill('SIGTERM')
    await up.exited
    place.remove()
  })

  describe('immediate actions', () => {
    test('freeze high-risk admin operations: every instance refuses them, and goes on issuing', async () => {
      const { access_token: bearer } = await json(await scene.asked(scene.admin, 'agents:write'))
      for (const idp of scene.idps) {
        const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
        const reply = await fetch(`${idp}/api/v1/agents`, { method: 'POST', headers, body: '{"name":"late"}' })
        assert.deepEqual([reply.status, (await json(reply)).incident], [423, incident])
        assert.equal((await scene.asked(scene.agent, undefined, idp)).status, 200)
      }
      const [freeze, promote] = (['freeze', 'promote'] as const).map((name) => stepOf(scene.evidence.incident, name))
      const isFirst = Date.parse(freeze?.endedAt ?? '') <= Date.parse(promote?.startedAt ?? '')
      assert.ok(isFirst, 'that was the first thing that was done')
    })

    test('rotate signing keys at the IdP: another key signs on every instance, and the compromised one is revoked', async () => {
      const versionsNow = await scene.versions()
      assert.equal(versionsNow.find(({ id }) => id === scene.kid)?.state, 'revoked')
      const active = versionsNow.find(({ state }) => state === 'active')?.id
      assert.notEqual(active, scene.kid)
      for (const idp of scene.idps) {
        const { keys } = await json(await fetch(`${idp}/.well-known/jwks.json`))
        assert.equal(JSON.stringify(keys).includes(scene.kid), false)
        const issued = (await json(await scene.asked(scene.agent, undefined, idp))).access_token
        assert.equal(decoded(issued, 0).kid, active)
      }
      const historical = await (await fetch(`${scene.idps[0]}/.well-known/federation-historical-keys`)).text()
      const key = decoded(historical, 1).keys.find((one: { kid: string }) => one.kid === scene.kid)
      assert.equal(key?.revoked?.reason, 'compromised')
    })

    test('revoke known-compromised admin sessions via the deny-list: tokens and administration end, for them alone', async () => {
      for (const api of scene.told) {
        assert.deepEqual(await hello(api, scene.mallory.token), [401, 'token_denied'])
        assert.deepEqual(await hello(api, scene.bystander), [200, undefined])
      }
      const reply = await fetch(`${scene.idps[0]}/api/v1/keyrings`, bearerOf(scene.mallory.session))
      await reply.body?.cancel()
      assert.equal(reply.status, 401)
    })

    test('force JWKS cache refresh on API instances: every one that can be told has the new keys', async () => {
      const outcomes = new Map(scene.evidence.refreshes.map(({ url, outcome }) => [url, outcome]))
      for (const api of scene.told) assert.equal(outcomes.get(api), 'refreshed')
      // Not ours: whatever is asked without a good token is refused there.
      assert.deepEqual([outcomes.get(scene.unreached.url), outcomes.get(scene.caching.url)], ['absent', 'refused'])
      const { kids } = refreshOf(scene.polling.url).reply as { kids: string[] }
      assert.equal(kids.includes(scene.kid), false)
    })
  })

  describe('JWKS refresh options', () => {
    test('the force-refresh operation is called on all API instances: each says so in its own log', () => {
      const refreshed = scene.polling.lines.filter(({ text }) => text === 'refreshed on request')
      assert.ok(refreshed.some(({ removed }) => (removed as string[]).includes(scene.kid)))
      assert.deepEqual(
        scene.evidence.refreshes.map(({ url }) => url),
        scene.all,
      )
    })

    test('POST /internal/auth/jwks/refresh is there when INTERNAL_JWKS_REFRESH_TOKEN is configured, and only then', async () => {
      for (const api of scene.told) assert.equal((await refresh(api, secret)).status, 200)
      assert.equal((await refresh(scene.unreached.url, secret)).status, 404)
    })

    test('request auth: Authorization: Bearer <INTERNAL_JWKS_REFRESH_TOKEN>, and nothing else', async () => {
      for (const api of scene.told) {
        assert.equal((await refresh(api)).status, 401)
        assert.equal((await refresh(api, `${secret}r`)).status, 401)
        const wrongScheme = await fetch(api + refreshPath, { method: 'POST', headers: { authorization: secret } })
        assert.equal(wrongScheme.status, 401)
      }
    })

    test('once per API instance: each process was called and named itself, no two the same', () => {
      const names = scene.told.map((api) => refreshOf(api).answeredBy)
      for (const each of names) assert.equal(each.length, 1)
      assert.equal(new Set(names.flat()).size, names.length)
    })

    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how the runbook spells it
    test('example: curl -sS -X POST -H "Authorization: Bearer ${INTERNAL_JWKS_REFRESH_TOKEN}" "http://<api-host>/internal/auth/jwks/refresh"', async () => {
      for (const api of scene.told) {
        const headers = { Authorization: `Bearer ${secret}` }
        const response = await fetch(`${api}/internal/auth/jwks/refresh`, { method: 'POST', headers })
        const { issuer, kids } = await json(response)
        assert.deepEqual([response.status, issuer], [200, scene.idps[0]])
        assert.equal(kids.includes(scene.kid), false)
      }
    })

    test('current fallback: what cannot be told goes on accepting, and is named with a restart and its worst case', async () => {
      assert.equal(scene.ran.code, 1)
      for (const { url, bound } of [
        { url: scene.unreached.url, bound: 'trusts what it has for an hour while it cannot' },
        { url: scene.caching.url, bound: 'jose keeps keys for 10 minutes' },
      ]) {
        const { oldRefused, fallback, worstCase } = verdictOf(scene.found, url)
        assert.equal(oldRefused, false)
        assert.match(fallback ?? '', /^restart every process of it, one after the other/)
        assert.ok(worstCase?.text.includes(bound), worstCase?.text)
        assert.ok(scene.found.open.some((text) => text.includes(url) && text.includes(bound)))
        assert.equal((await hello(url, scene.old))[0], 200)
      }
      const { revokedAt = '' } = scene.evidence.keys.after.find((key) => key.kid === scene.kid) ?? {}
      const { until } = verdictOf(scene.found, scene.caching.url).worstCase ?? {}
      assert.equal(Date.parse(until ?? '') - Date.parse(revokedAt), 600_000, '10 min from the revocation on')
    })

    test('current fallback: perform rolling restart of API processes, so that the JWKS cache re-initializes from issuer', async () => {
      await scene.unreached.restart()
      scene.caching.restart()
      for (const api of [scene.unreached.url, scene.caching.url]) {
        assert.equal((await hello(api, scene.old))[0], 401)
        assert.equal((await hello(api, await scene.token()))[0], 200)
      }
      const { stdout } = await place.rekey('break-glass', 'check', incident, '--json')
      const checked: IncidentDocument = JSON.parse(stdout)
      assert.deepEqual([...new Set(checked.instances.map(({ oldRefused }) => oldRefused))], [true])
    })

    test('validate startup logs show successful JWKS bootstrap: with the keys of now', async () => {
      assert.match(
        verdictOf(scene.found, scene.unreached.url).fallback ?? '',
        new RegExp(`"JWKS bootstrap: trust held".*${scene.kid}`),
      )
      const bootstraps = scene.unreached.lines.filter(({ text }) => text === 'JWKS bootstrap: trust held')
      const held = bootstraps.map(({ kids }) => (kids as string[]).includes(scene.kid))
      assert.deepEqual(held, [true, false])
    })
  })

  describe('verification', () => {
    test('confirm API rejects tokens signed by retired key versions', async () => {
      for (const api of scene.all) assert.equal((await hello(api, scene.old))[0], 401)
      for (const api of scene.told) assert.equal(verdictOf(scene.found, api).oldRefused, true)
      // A refusal proves something only of whoever took the same token before.
      const { baselines } = stepOf(scene.evidence.incident, 'probes').result as { baselines: { compromised: string }[] }
      assert.deepEqual([...new Set(baselines.map(({ compromised }) => compromised))], ['accepted'])
    })

    test('confirm valid fresh tokens continue to authenticate: none was refused by ours at any moment', async () => {
      for (const { freshAccepted } of scene.found.instances) assert.equal(freshAccepted, true)
      const { made, refused } = await scene.calls.end()
      assert.deepEqual(refused, [])
      assert.ok(made > 50, `${made} calls`)
      const { code, stdout } = await scene.endLoad()
      const { failures, revokedRefusals, kids } = JSON.parse(stdout)
      assert.deepEqual([code, failures], [0, {}])
      assert.ok(revokedRefusals > 0 && kids.length > 1, 'tokens by both keys were in use')
    })

    test('confirm admin deny-list checks are functioning: a denied token is refused where the deny-list is', () => {
      for (const api of scene.told) assert.equal(verdictOf(scene.found, api).deniedRefused, true)
      for (const api of [scene.unreached.url, scene.caching.url]) {
        const { deniedRefused, problems } = verdictOf(scene.found, api)
        assert.equal(deniedRefused, null)
        assert.match(problems.join(), /it accepts a token that is denied, and that shows nothing/)
      }
    })

    test('record timestamps for key rotation, cache refresh/restart and verification checks', () => {
      const moments = [
        stepOf(scene.evidence.incident, 'promote').startedAt,
        scene.evidence.keys.after.find((key) => key.kid === scene.kid)?.revokedAt,
        refreshOf(scene.polling.url).at,
        verdictOf(scene.found, scene.polling.url).provedAt,
        scene.evidence.sealedAt,
      ].map((at) => Date.parse(at ?? ''))
      assert.deepEqual(
        moments,
        moments.toSorted((a, b) => a - b),
      )
      for (const at of moments) assert.ok(at >= scene.began && at < scene.began + dayMs)
    })
  })

  describe('evidence to capture', () => {
    test('incident ticket ID and timeline', () => {
      assert.equal(scene.evidence.incident.plan.incident, incident)
      const steps = scene.evidence.incident.timeline.map(({ what }) => what)
      for (const what of ['frozen', 'step promote done', 'step revoke done', 'step refresh done', 'step prove done']) {
        assert.ok(steps.includes(what), what)
      }
    })

    test('key rotation evidence from IdP: states before and after, and the events with proof that they stand in the audit', () => {
      const stateOf = (keys: typeof scene.evidence.keys.before) => keys.find((key) => key.kid === scene.kid)?.state
      assert.deepEqual([stateOf(scene.evidence.keys.before), stateOf(scene.evidence.keys.after)], ['active', 'revoked'])
      assert.ok('events' in scene.evidence.record, JSON.stringify(scene.evidence.record))
      const proven = scene.evidence.record.events.filter(({ proof }) => proof !== undefined)
      const actions = proven.map(({ event }) => JSON.parse(event).action)
      for (const action of ['keyring.revocation_requested', 'keyring.revoked', 'incident.opened', 'incident.frozen']) {
        assert.ok(actions.includes(action), `${action} of ${[...new Set(actions)]}`)
      }
    })

    test('API restart/refresh execution logs: what each instance answered, and when', () => {
      for (const { at, url, outcome, status } of scene.evidence.refreshes) {
        assert.ok(Date.parse(at) > 0)
        assert.equal(status, outcome === 'refreshed' ? 200 : url === scene.unreached.url ? 404 : 401)
      }
    })

    test('post-change auth verification results: of every instance, also of those that failed', () => {
      assert.deepEqual(scene.evidence.instances, scene.found.instances)
      assert.equal(scene.evidence.verdict.contained, false)
      assert.deepEqual(
        scene.evidence.instances.map(({ url }) => url),
        scene.all,
      )
    })

    test('all of it is in one signed file that holds in another folder, without an estate', async () => {
      const { stdout: fingerprint } = await place.rekey('evidence', 'key')
      const elsewhere = await Place.find()
      const file = join(temporaryFolder(), basename(scene.found.evidence ?? ''))
      renameSync(scene.found.evidence ?? '', file)
      const verify = ['evidence', 'verify', file, '--signer', fingerprint.trim(), '--json']
      const { code, stdout, stderr } = await elsewhere.rekey(...verify)
      elsewhere.remove()
      assert.equal(code, 0, stderr)
      const { consistent, signer, name, proofs } = JSON.parse(stdout)
      assert.deepEqual([consistent, signer, name, proofs.waiting], [true, 'known', incident, 0])
      assert.ok(proofs.verified > 10)
    })
  })

  function refreshOf(api: string) {
    return scene.evidence.refreshes.find(({ url }) => url === api) ?? assert.fail(`no refresh of ${api}`)
  }

  function verdictOf({ instances }: Pick<IncidentDocument, 'instances'>, api: string) {
    return instances.find(({ url }) => url === api) ?? assert.fail(`no verdict about ${api}`)
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
