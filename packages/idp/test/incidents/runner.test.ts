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

  const open = (instance: TestInstance, body: object) =>
    instance.manage('POST', '/api/v1/incidents', { reason: 'found in a bucket', ...body })
  const show = (instance: TestInstance, incident: string) => instance.manage('GET', `/api/v1/incidents/${incident}`)

  async function activeKid(): Promise<string> {
    const { body } = await idp.manage('GET', '/api/v1/keyrings/signing-es256')
    return body.versions.find(({ state }: { state: string }) => state === 'active').id
  }

  test('goes through every step, proves the APIs of its configuration, and keeps signed evidence', async () => {
    const kid = await activeKid()
    const opened = await open(idp, { incident: 'RUN-1', kid })
    assert.equal(opened.status, 202)
    assert.deepEqual(
      opened.body.plan.apis.map(({ url }: { url: string }) => url),
      [api],
    )
    const isOver = ({ state }: StepRecord) => state === 'done' || state === 'failed'
    const { body } = await eventually(
      () => show(idp, 'RUN-1'),
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
    const reply = await fetch(`${idp.url}/api/v1/incidents/RUN-1/evidence`, { headers: { authorization } })
    const evidence = new Uint8Array(await reply.arrayBuffer())
    const verdict = verifyEvidence(evidence, {})
    assert.deepEqual([verdict.consistent, verdict.problems], [true, []])
    const { software } = JSON.parse(readEvidenceFile(evidence, 'evidence.json')).sealedBy
    assert.match(software, /^@rekey\/idp\/\d+\.\d+\.\d+$/)
    assert.notEqual(await activeKid(), kid)
    assert.match(await readFile(join(folder, 'evidence.key'), 'utf8'), /PRIVATE KEY/)
  })

  test('that was opened without APIs is proved at those of its configuration', async () => {
    const kid = await activeKid()
    assert.equal((await open(idp, { incident: 'RUN-0', kid, run: false })).status, 201)
    assert.equal((await idp.manage('POST', '/api/v1/incidents/RUN-0/run')).status, 202)
    const { body } = await eventually(
      () => show(idp, 'RUN-0'),
      ({ body }) => body.steps.at(-1).state === 'done',
    )
    const { result } = body.steps.find(({ name }: StepRecord) => name === 'prove')
    assert.deepEqual(
      result.map(({ url, oldRefused, freshAccepted }: InstanceVerdict) => [url, oldRefused, freshAccepted]),
      [[api, true, true]],
    )
    await idp.manage('POST', '/api/v1/incidents/RUN-0/unfreeze')
  })

  test('is refused for an API that the configuration does not name: nobody sends its secret elsewhere', async () => {
    const kid = await activeKid()
    const named = { incident: 'RUN-2', kid, apis: [{ url: 'http://localhost:1' }] }
    assert.equal((await open(idp, named)).body.code, 'API_NOT_CONFIGURED')
    assert.equal((await open(idp, { ...named, run: false })).status, 201)
    const resumed = await idp.manage('POST', '/api/v1/incidents/RUN-2/run')
    assert.deepEqual([resumed.status, resumed.body.code], [409, 'API_NOT_CONFIGURED'])
    assert.equal(await activeKid(), kid)
  })

  test('is refused where something is in its way, before anything is written', async () => {
    const kid = await activeKid()
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
    const inTheWay = [
      [{ sessions: [{ sid: 'x' }, { clientId: admin.clientId }] }, 409, 'SELF_LOCK'],
      [{ since: tomorrow }, 400, 'PLAN_INVALID'],
    ] as const
    for (const [asked, status, code] of inTheWay) {
      const refused = await open(idp, { incident: 'RUN-4', kid, ...asked })
      assert.deepEqual([refused.status, refused.body.code], [status, code])
      assert.equal((await show(idp, 'RUN-4')).status, 404)
      assert.equal((await open(idp, { incident: `RUN-${code}`, kid, ...asked, run: false })).status, 201)
    }
    assert.equal(await activeKid(), kid)
  })

  test('is refused where there is nothing to sign evidence by, before anything is written', async () => {
    const other = await estate.instance({ REKEY_ISSUER: idp.url })
    const refused = await open(other, { incident: 'RUN-3', kid: await activeKid() })
    assert.deepEqual([refused.status, refused.body.code], [409, 'EVIDENCE_KEY_MISSING'])
    assert.equal((await show(other, 'RUN-3')).status, 404)
  })
})
