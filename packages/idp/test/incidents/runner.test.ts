import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type InstanceVerdict, readEvidenceFile, type StepRecord, stepNames, verifyEvidence } from '@rekey/breakglass'
import { nodeGuard, nodeInternal } from '@rekey/verifier'
import { startApi } from '../api.ts'
import { admin, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { incidents, onIncident, open, signingKid } from './setting.ts'

/** As somebody who says nothing of whether it is to be carried out at once. */
const begin = (instance: TestInstance, incident: string, more: object = {}) =>
  open(instance, incident, { run: undefined, ...more })

describe('an incident that an instance carries out', () => {
  let estate: Estate
  let idp: TestInstance
  let folder: string
  let api: string
  const ends: (() => unknown)[] = []

  before(async () => {
    estate = await startEstate()
    folder = await mkdtemp(join(tmpdir(), 'rekey-run-'))
    const free = createServer()
    await once(free.listen(0, 'localhost'), 'listening')
    api = `http://localhost:${(free.address() as AddressInfo).port}`
    const secrets = join(folder, 'refresh-token')
    await writeFile(secrets, 'the newest one\nan older one\n')
    idp = await estate.instance({
      REKEY_APIS: api,
      REKEY_EVIDENCE_KEY: `file:${join(folder, 'evidence.key')}`,
      INTERNAL_JWKS_REFRESH_TOKEN_FILE: secrets,
    })
    const verifier = await startApi(idp)
    const internal = nodeInternal(verifier, { token: { file: secrets } })
    const hello = nodeGuard(verifier, (_request, response) => response.end('{}'))
    free.on('request', async (request, response) => {
      if (!(await internal(request, response))) hello(request, response)
    })
    ends.push(
      () => verifier.close(),
      () => free.close(),
    )
  })
  after(async () => {
    for (const end of ends) await end()
    await estate.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('goes through every step, proves the APIs of its configuration, and keeps signed evidence', async () => {
    const kid = await signingKid(idp)
    const opened = await begin(idp, 'RUN-1', { kid })
    assert.equal(opened.status, 202)
    assert.deepEqual(
      opened.body.plan.apis.map(({ url }: { url: string }) => url),
      [api],
    )
    const isOver = ({ state }: StepRecord) => state === 'done' || state === 'failed'
    const { body } = await eventually(
      () => onIncident(idp, 'RUN-1').show(),
      ({ body }) => body.steps.every(isOver),
    )
    const steps: StepRecord[] = body.steps
    assert.deepEqual(
      steps.map(({ name, state }) => [name, state]),
      stepNames.map((name) => [name, 'done']),
    )
    const refreshed = steps.find(({ name }) => name === 'refresh')?.result as { outcome: string }[]
    assert.deepEqual(
      refreshed.map(({ outcome }) => outcome),
      ['refreshed'],
    )
    const authorization = `Bearer ${await idp.management()}`
    const reply = await fetch(`${idp.url}${incidents}/RUN-1/evidence`, { headers: { authorization } })
    const evidence = new Uint8Array(await reply.arrayBuffer())
    const verdict = verifyEvidence(evidence, {})
    assert.deepEqual([verdict.consistent, verdict.problems], [true, []])
    const { software } = JSON.parse(readEvidenceFile(evidence, 'evidence.json')).sealedBy
    assert.match(software, /^@rekey\/idp\/\d+\.\d+\.\d+$/)
    assert.notEqual(await signingKid(idp), kid)
    assert.match(await readFile(join(folder, 'evidence.key'), 'utf8'), /PRIVATE KEY/)
  })

  test('that was opened without APIs is proved at those of its configuration', async () => {
    assert.equal((await open(idp, 'RUN-0')).status, 201)
    assert.equal((await idp.manage('POST', `${incidents}/RUN-0/run`)).status, 202)
    const { body } = await eventually(
      () => onIncident(idp, 'RUN-0').show(),
      ({ body }) => body.steps.at(-1).state === 'done',
    )
    const { result } = body.steps.find(({ name }: StepRecord) => name === 'prove')
    assert.deepEqual(
      result.map(({ url, oldRefused, freshAccepted }: InstanceVerdict) => [url, oldRefused, freshAccepted]),
      [[api, true, true]],
    )
    await onIncident(idp, 'RUN-0').unfreeze()
  })

  test('is refused for an API that the configuration does not name: nobody sends its secret elsewhere', async () => {
    const kid = await signingKid(idp)
    const named = { apis: [{ url: 'http://localhost:1' }] }
    assert.equal((await begin(idp, 'RUN-2', named)).body.code, 'API_NOT_CONFIGURED')
    assert.equal((await open(idp, 'RUN-2', named)).status, 201)
    const resumed = await idp.manage('POST', `${incidents}/RUN-2/run`)
    assert.deepEqual([resumed.status, resumed.body.code], [409, 'API_NOT_CONFIGURED'])
    assert.equal(await signingKid(idp), kid)
  })

  test('is gone on with where another says otherwise what an API verifies tokens with, and where it is tried', async () => {
    const apis = [{ url: api, library: '@rekey/verifier-feed', path: '/hello?by=another' }]
    assert.equal((await open(idp, 'RUN-8', { apis })).status, 201)
    assert.equal((await idp.manage('POST', `${incidents}/RUN-8/run`)).status, 202)
    const { body } = await eventually(
      () => onIncident(idp, 'RUN-8').show(),
      ({ body }) => body.steps.at(-1).state === 'done',
    )
    const { result } = body.steps.find(({ name }: StepRecord) => name === 'refresh')
    assert.deepEqual(
      result.map(({ url, path, outcome }: Record<string, string>) => [url, path, outcome]),
      [[api, '/hello?by=another', 'refreshed']],
    )
    await onIncident(idp, 'RUN-8').unfreeze()
    const elsewhere = [`${api}/below`, `http://x.localhost:${new URL(api).port}`, api.replace('localhost', '127.0.0.1')]
    for (const url of elsewhere) {
      const named = { apis: [...apis, { ...apis[0], url }] }
      assert.equal((await begin(idp, 'RUN-9', named)).body.code, 'API_NOT_CONFIGURED', url)
    }
  })

  test('is refused where something is in its way, before anything is written', async () => {
    const kid = await signingKid(idp)
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
    const inTheWay = [
      [{ sessions: [{ sid: 'x' }, { clientId: admin.clientId }] }, 409, 'SELF_LOCK'],
      [{ since: tomorrow }, 400, 'PLAN_INVALID'],
    ] as const
    for (const [asked, status, code] of inTheWay) {
      const refused = await begin(idp, 'RUN-4', asked)
      assert.deepEqual([refused.status, refused.body.code], [status, code])
      assert.equal((await onIncident(idp, 'RUN-4').show()).status, 404)
      assert.equal((await open(idp, `RUN-${code}`, asked)).status, 201)
    }
    assert.equal(await signingKid(idp), kid)
  })

  test('is refused where there is nothing to sign evidence by, before anything is written', async () => {
    const other = await estate.instance({ REKEY_ISSUER: idp.url })
    const refused = await begin(other, 'RUN-3')
    assert.deepEqual([refused.status, refused.body.code], [409, 'EVIDENCE_KEY_MISSING'])
    assert.equal((await onIncident(other, 'RUN-3').show()).status, 404)
  })

  test('may be asked for again, whether it was opened to be carried out at once or not; another plan is refused', async () => {
    const apisOf = ({ body }: { body: { plan: { apis: { url: string }[] } } }) => body.plan.apis.map(({ url }) => url)
    const elsewhere = [{ url: 'http://localhost:1' }]
    for (const [incident, run, statuses, apis] of [
      ['RUN-5', false, [201, 202], []],
      ['RUN-6', true, [202, 200], [api]],
    ] as const) {
      const asked = { kid: await signingKid(idp) }
      const opened = await open(idp, incident, { ...asked, run })
      const again = await open(idp, incident, { ...asked, run: !run })
      assert.deepEqual([opened.status, again.status], statuses, JSON.stringify(again.body))
      assert.deepEqual([apisOf(opened), apisOf(again)], [apis, apis])
      for (const other of [{ sessions: [{ sid: 's' }] }, { apis: elsewhere }]) {
        for (const run of [true, false]) {
          const refused = await open(idp, incident, { ...asked, ...other, run })
          assert.deepEqual([refused.status, refused.body.code], [409, 'INCIDENT_DIFFERS'])
        }
      }
      await eventually(
        () => onIncident(idp, incident).show(),
        ({ body }) => body.steps.at(-1).state === 'done',
      )
      await onIncident(idp, incident).unfreeze()
    }
    assert.equal((await open(idp, 'RUN-7', { apis: elsewhere })).status, 201)
    for (const run of [true, false]) {
      const refused = await open(idp, 'RUN-7', { run })
      assert.equal(refused.body.code, 'INCIDENT_DIFFERS', 'nobody calls what others named without naming it himself')
    }
  })
})
