import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import {
  breakGlass,
  type IncidentRecord,
  makeEvidenceKey,
  plan,
  readEvidenceKey,
  type StepName,
  type Surroundings,
} from '@rekey/breakglass'
import { createVerifier, nodeGuard, nodeInternal, trustFeed } from '@rekey/verifier'
import { concerned } from '../../src/break-glass/provider.ts'
import { surroundingsOf } from '../../src/break-glass/run.ts'
import { systemClock } from '../../src/clock.ts'
import { RealIdp } from '../real-idp.ts'
import { pollingApi } from '../runbooks/polling-api.ts'
import { shellWith } from '../shell.ts'

const secret = { INTERNAL_JWKS_REFRESH_TOKEN: 'the secret of the internal endpoints' }

describe('an incident whose identity provider has one instance', { timeout: 180_000 }, () => {
  let idp: RealIdp
  let feed: Awaited<ReturnType<typeof feedApi>>
  let polling: Awaited<ReturnType<typeof pollingApi>>
  before(async () => {
    idp = await RealIdp.start()
    feed = await feedApi(idp)
    polling = await pollingApi(idp.url, secret)
  })
  after(async () => {
    await polling?.close()
    await feed?.close()
    await idp.remove()
  })

  it('goes on when that is killed in the middle of steps, and comes up again', async () => {
    const kid = await activeKid()
    const killedIn: StepName[] = []
    let restarting = Promise.resolve()
    const onChange = (record: IncidentRecord) => {
      const running = record.steps.find(({ state }) => state === 'running')
      const isDue = running && ['promote', 'revoke', 'prove'].includes(running.name)
      if (!isDue || killedIn.includes(running.name)) return
      killedIn.push(running.name)
      restarting = idp.kill().then(() => idp.start())
    }
    const sessions = [{ sub: 'mallory' }]
    const apis = [feed.url, polling.url].map((url) => ({ url }))
    const asked = plan.parse({ incident: 'INC-1', kid, reason: 'seen elsewhere', sessions, apis })
    const outcome = await breakGlass(asked, { ...(await surroundings()), onChange })
    await restarting
    assert.deepEqual(killedIn, ['promote', 'revoke', 'prove'])
    assert.equal(outcome.contained, true, outcome.open.join('\n'))
    assert.notEqual(await activeKid(), kid)
  })

  async function activeKid(): Promise<string> {
    const { keyrings } = await idp.json('status')
    const { versions } = keyrings.find(({ name }: { name: string }) => name === 'signing-es256')
    return versions.find(({ state }: { state: string }) => state === 'active').id
  }

  /** Those of the command line; its evidence is kept nowhere. */
  async function surroundings(): Promise<Surroundings> {
    const shell = shellWith({ ...idp.operator, ...secret }, { now: systemClock })
    const evidence = { key: readEvidenceKey(makeEvidenceKey().pem), keep: async () => 'nowhere' }
    return surroundingsOf(shell, await concerned(shell, undefined), {}, evidence)
  }
})

/** An API that is told of keys as soon as they change. */
async function feedApi(idp: RealIdp) {
  const { clientId, clientSecret } = await idp.json('verifier', 'create', 'api')
  const trust = trustFeed({ issuer: idp.url, clientId, clientSecret, onLeaseLost: 'fail-closed' })
  const verifier = createVerifier({ issuer: idp.url, audience: 'urn:rekey:api', algorithms: ['ES256'], trust })
  await verifier.start()
  const internal = nodeInternal(verifier, { env: secret })
  const hello = nodeGuard(verifier, (_request, response) => response.end('hello'))
  const server = createServer(async (request, response) => {
    if (!(await internal(request, response))) await hello(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close().closeAllConnections()
      await verifier.close()
    },
  }
}
