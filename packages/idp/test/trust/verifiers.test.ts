import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { evidenceFor } from '../../src/keyrings/evidence.ts'
import { pruneVerifierLeases } from '../../src/trust/verifiers.ts'
import { apiProcess, type Estate, eventually, reader, startEstate, type TestInstance } from '../estate.ts'

const path = '/api/v1/keyrings/signing-es256'
const otherPath = '/api/v1/keyrings/signing-rs256'

interface Shown {
  id: string
  revision: { epoch: number; n: number }
  leaseUntil: string
  acceptsUntil: string
  seenAt: string
  grantedAt: string | null
  behindSince: string | null
  live: boolean
}

describe('a verifier', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())
  // Each test has the verifiers that it names, and no others.
  beforeEach(() => estate.db.deleteFrom('verifier_leases').execute())

  const list = async (): Promise<Shown[]> => (await idp.manage('GET', '/api/v1/verifiers')).body.verifiers
  const shown = async (id: string) =>
    (await list()).find((verifier) => verifier.id === id) ?? assert.fail(`${id} is not listed`)
  const lastOf = (keyringPath: string) => async () =>
    (await idp.manage('GET', keyringPath)).body.versions.at(-1) as { id: string; state: string; servedAt?: string }
  const standby = (keyringPath = path) =>
    eventually(lastOf(keyringPath), ({ state, servedAt }) => state === 'prepared' && servedAt !== undefined)
  const activeId = async () =>
    (await idp.manage('GET', path)).body.versions.find((version: { state: string }) => version.state === 'active').id
  const waitsFor = async (): Promise<string[]> =>
    (await idp.manage('GET', path)).body.waiting
      .filter(({ gate }: { gate: string }) => gate === 'propagated')
      .flatMap((wait: { for: string[] }) => wait.for)

  /** A new key in reserve, which a verifier that held everything before does not hold. */
  async function newStandby(keyringPath = path): Promise<string> {
    const { id } = await standby(keyringPath)
    await idp.manage('POST', `${keyringPath}/discard`, { id })
    return (await standby(keyringPath)).id
  }

  /** A rotation that waits for a process that is behind. */
  async function waitingFor(process: ReturnType<typeof apiProcess>): Promise<string> {
    await process.catchUp()
    const successor = await newStandby()
    await idp.manage('POST', `${path}/rotate`)
    await eventually(waitsFor, (parties) => parties.includes(`verifier ${process.id}`))
    return successor
  }

  test('that is behind is shown with since when, and its lease is not prolonged', async () => {
    const process = apiProcess(idp, { instance: 'behind', algorithms: ['ES256'] })
    await process.catchUp()
    const good = await shown(process.id)
    assert.deepEqual([good.behindSince, good.live, good.revision], [null, true, process.held])
    await newStandby()
    assert.equal((await process.ask()).leaseSeconds, 0)
    const behind = await shown(process.id)
    assert.equal(behind.behindSince, behind.seenAt)
    assert.deepEqual(
      [behind.leaseUntil, behind.acceptsUntil, behind.revision],
      [good.leaseUntil, good.acceptsUntil, good.revision],
    )
    await process.ask()
    const still = await shown(process.id)
    assert.deepEqual([still.behindSince, still.leaseUntil], [behind.behindSince, good.leaseUntil])
    assert.ok(still.seenAt > behind.seenAt)
    await process.catchUp()
    const again = await shown(process.id)
    assert.equal(again.behindSince, null)
    assert.ok(again.leaseUntil > good.leaseUntil)
  })

  test('that never held anything is shown and holds nothing up', async () => {
    const process = apiProcess(idp, { instance: 'new' })
    await process.ask()
    const { live, behindSince, seenAt, grantedAt, revision } = await shown(process.id)
    assert.deepEqual([live, behindSince, grantedAt, revision], [false, seenAt, null, { epoch: 0, n: 0 }])
    const { view } = idp.idp.instance
    // Nor when the clock that says whose lease is over has just made a step.
    const inDoubt = { live: () => view.live(), doubtMs: () => 15_000 }
    assert.deepEqual((await evidenceFor(estate.db, inDoubt)).verifiers, [])
    const granted = apiProcess(idp, { instance: 'granted' })
    await granted.catchUp()
    const { verifiers } = await evidenceFor(estate.db, inDoubt)
    assert.deepEqual(
      verifiers.map(({ id, holds }) => [id, holds]),
      [[granted.id, granted.held.n]],
    )
  })

  test('counts as holding what it said last, and nothing of another epoch', async () => {
    const process = apiProcess(idp, { instance: 'restarted' })
    await process.catchUp()
    const { epoch, n } = process.held
    for (const claimed of [{ epoch: epoch - 1 }, { epoch: 0, n: 1e15 }]) {
      assert.equal((await process.ask(claimed)).leaseSeconds, 0)
      assert.deepEqual((await shown(process.id)).revision, { epoch, n })
    }
    assert.equal((await process.ask({ n: n - 1 })).leaseSeconds, 0)
    assert.equal((await shown(process.id)).revision.n, n - 1, 'it may have been started anew')
  })

  test('lets a rotation go on that waits for less than the newest', async () => {
    const process = apiProcess(idp, { instance: 'half-way' })
    const successor = await waitingFor(process)
    const { n } = await process.ask()
    await newStandby(otherPath)
    const reply = await process.ask({ n })
    assert.equal(reply.leaseSeconds, 0, 'there is something newer')
    await eventually(activeId, (active) => active === successor)
  })

  test('that says goodbye lets a waiting rotation go on', async () => {
    const process = apiProcess(idp, { instance: 'leaving' })
    const successor = await waitingFor(process)
    assert.equal((await process.goodbye()).status, 204)
    await eventually(activeId, (active) => active === successor)
  })

  test('that is forgotten lets a waiting rotation go on, and is back when it renews', async () => {
    const process = apiProcess(idp, { instance: 'gone' })
    const successor = await waitingFor(process)
    assert.equal((await idp.manage('DELETE', `/api/v1/verifiers/${process.id}`)).status, 204)
    await eventually(activeId, (active) => active === successor)
    assert.deepEqual(await list(), [])
    const { actor, details } = await estate.db
      .selectFrom('audit_events')
      .select(['actor', 'details'])
      .where('action', '=', 'verifier.forgotten')
      .executeTakeFirstOrThrow()
    assert.deepEqual([actor, details.verifier], ['admin-1', process.id])
    await process.catchUp()
    assert.equal((await shown(process.id)).live, true)
  })

  test('is forgotten by an id with whatever is in it, written plainly or encoded', async () => {
    for (const instance of ['pod/7 of 9', 'ünïcode%2F', 'x'.repeat(200)]) {
      await apiProcess(idp, { instance }).catchUp()
      const url = `/api/v1/verifiers/${encodeURIComponent(`api/${instance}`)}`
      assert.equal((await idp.manage('DELETE', url)).status, 204, instance)
      const again = await idp.manage('DELETE', url)
      assert.deepEqual([again.status, again.body.code], [404, 'UNKNOWN_VERIFIER'])
    }
  })

  test('is not forgotten for whoever may not, nor by nonsense', async () => {
    await apiProcess(idp, { instance: 'kept' }).catchUp()
    const mayRead = await idp.management(reader)
    const refused = await idp.manage('DELETE', '/api/v1/verifiers/api/kept', undefined, mayRead)
    assert.deepEqual([refused.status, refused.body.code], [403, 'INSUFFICIENT_SCOPE'])
    assert.equal((await idp.call('/api/v1/verifiers/api/kept', { method: 'DELETE' })).status, 401)
    for (const [id, status, code] of [
      ['api', 404, 'UNKNOWN_VERIFIER'],
      ['api%00/kept', 400, 'INVALID_REQUEST'],
      ['%zz', 400, 'INVALID_REQUEST'],
      [`api/${'x'.repeat(500)}`, 400, 'INVALID_REQUEST'],
      ["api/kept'--", 404, 'UNKNOWN_VERIFIER'],
    ] as const) {
      const reply = await idp.manage('DELETE', `/api/v1/verifiers/${id}`)
      assert.deepEqual([reply.status, reply.body.code], [status, code], id)
    }
    const wrongMethod = await idp.call('/api/v1/verifiers/api/kept', { method: 'PUT' })
    assert.deepEqual([wrongMethod.status, wrongMethod.headers.get('allow')], [405, 'DELETE'])
    assert.equal((await list()).length, 1)
  })

  test('stays listed while it asks, however long ago its lease ended', async () => {
    const process = apiProcess(idp, { instance: 'behind-for-days' })
    await process.ask()
    const daysAgo = new Date(Date.now() - 3 * 86_400_000)
    await estate.db.updateTable('verifier_leases').set({ lease_until: daysAgo, accepts_until: daysAgo }).execute()
    await pruneVerifierLeases(estate.db)
    assert.equal((await list()).length, 1)
    await estate.db.updateTable('verifier_leases').set({ seen_at: daysAgo }).execute()
    await pruneVerifierLeases(estate.db)
    assert.deepEqual(await list(), [])
  })
})

test('a rotation has patience with a verifier that lags, and no longer', { timeout: 60_000 }, async (context) => {
  const estate = await startEstate({ REKEY_VERIFIER_PATIENCE: '3s' })
  context.after(() => estate.stop())
  const idp = await estate.instance()
  const versions = async () => (await idp.manage('GET', path)).body.versions
  const process = apiProcess(idp, { instance: 'lagging' })
  await process.catchUp()
  const [, first] = await versions()
  await idp.manage('POST', `${path}/discard`, { id: first.id })
  await idp.manage('POST', `${path}/rotate`)
  const { waiting } = await eventually(
    async () => (await idp.manage('GET', path)).body,
    (keyring) => keyring.waiting.some((wait: { for: string[] }) => wait.for.includes(`verifier ${process.id}`)),
  )
  const successor = (await versions()).at(-1)
  const opensAt = Date.parse(waiting.find((wait: { gate: string }) => wait.gate === 'propagated').opensAt)
  assert.equal(opensAt, Date.parse(successor.servedAt) + 3_000)
  const active = await eventually(
    async () => (await versions()).find((version: { id: string }) => version.id === successor.id),
    ({ state }) => state === 'active',
  )
  assert.ok(Date.parse(active.activatedAt) >= opensAt)
})

test('a verifier counts as holding only what this database can have told it', { timeout: 60_000 }, async (context) => {
  // An estate of its own: whoever is ahead of a database begins another epoch in it.
  const estate = await startEstate()
  context.after(() => estate.stop())
  const process = apiProcess(await estate.instance(), { instance: 'ahead' })
  await process.catchUp()
  const { epoch, n } = process.held
  assert.equal((await process.ask({ n: n + 1_000 })).leaseSeconds, 0)
  const row = await estate.db.selectFrom('verifier_leases').select(['epoch', 'n']).executeTakeFirstOrThrow()
  assert.deepEqual(row, { epoch, n })
})
