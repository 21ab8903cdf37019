import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { carryOutMove } from '../../src/issuance/carry-out.ts'
import { loadIssuance, type Move, saveIssuance } from '../../src/issuance/store.ts'
import {
  agent,
  apiProcess,
  decodeUnverified,
  type Estate,
  eventually,
  startEstate,
  type TestInstance,
} from '../estate.ts'

const es256 = 'signing-es256'
const rs256 = 'signing-rs256'

describe('moving issuance to another keyring', { timeout: 60_000 }, () => {
  const estates: Estate[] = []
  const start = async (environment?: Record<string, string>) => {
    const estate = await startEstate(environment)
    estates.push(estate)
    return { estate, idp: await estate.instance() }
  }
  afterEach(() => Promise.all(estates.splice(0).map((estate) => estate.stop())))

  const algorithm = async (idp: TestInstance) =>
    decodeUnverified((await idp.token(agent)).body.access_token).header.alg as string
  const put = (idp: TestInstance, keyring: string, more: object = {}) =>
    idp.manage('PUT', '/api/v1/issuance', { keyring, ...more })
  const get = async (idp: TestInstance) => (await idp.manage('GET', '/api/v1/issuance')).body
  const moved = (idp: TestInstance, alg: string) =>
    eventually(
      () => algorithm(idp),
      (found) => found === alg,
    )

  /** Every instance must serve a keyring's first key before anything is issued by it; that is seen at the first beat. */
  const served = async (idp: TestInstance) => {
    await eventually(
      async () => (await idp.manage('GET', `/api/v1/keyrings/${rs256}`)).body.versions,
      (versions) => versions.every((version: { servedAt?: string }) => version.servedAt),
    )
  }

  const events = async ({ db }: Estate): Promise<Record<string, unknown>[]> => {
    const rows = await db
      .selectFrom('audit_events')
      .select(['action', 'actor', 'details'])
      .where('action', 'like', 'issuance.%')
      .orderBy('inserted')
      .execute()
    return rows.map(({ action, actor, details }) => ({ action, actor, ...details }))
  }
  const actions = async (estate: Estate) => (await events(estate)).map(({ action }) => action)

  test('is done at once when nobody has to be waited for, and the old key stays good', async () => {
    const { estate, idp } = await start()
    await served(idp)
    const old = decodeUnverified((await idp.token(agent)).body.access_token).header
    assert.equal(old.alg, 'ES256')
    const { status, body } = await put(idp, rs256, { reason: 'a partner wants RSA' })
    assert.deepEqual(
      [status, body],
      [202, { keyring: rs256, algorithm: 'RS256', revision: body.revision, confirmed: true }],
    )
    assert.equal(await algorithm(idp), 'RS256')
    assert.deepEqual(await get(idp), body)
    const { versions } = (await idp.manage('GET', `/api/v1/keyrings/${es256}`)).body
    assert.deepEqual([versions[0].id, versions[0].state], [old.kid, 'active'])
    const [, requested, done] = await events(estate)
    assert.deepEqual([requested?.action, requested?.actor, requested?.to], ['issuance.requested', 'admin-1', rs256])
    assert.deepEqual([done?.action, done?.from, done?.requestedBy], ['issuance.moved', es256, 'admin-1'])
    assert.equal(done?.reason, 'a partner wants RSA')
    assert.equal((await put(idp, es256)).body.keyring, es256)
    assert.equal(await algorithm(idp), 'ES256')
  })

  test('is refused, and nothing is stored, while a live verifier says that it does not allow the algorithm', async () => {
    const { estate, idp } = await start()
    await served(idp)
    const narrow = apiProcess(idp, { instance: 'narrow', algorithms: ['ES256'] })
    await narrow.catchUp()
    await apiProcess(idp, { instance: 'wide', algorithms: ['ES256', 'RS256'] }).catchUp()
    const { status, body } = await put(idp, rs256)
    assert.deepEqual([status, body.code], [409, 'ALGORITHM_UNSUPPORTED'])
    assert.deepEqual(body.details, { algorithm: 'RS256', verifiers: ['api/narrow'] })
    assert.equal((await get(idp)).move, undefined)
    assert.deepEqual(await actions(estate), ['issuance.created'])
    const forced = await put(idp, rs256, { force: true })
    assert.deepEqual([forced.status, forced.body.keyring], [202, rs256])
    assert.equal(await algorithm(idp), 'RS256')
    const { verifiers } = (await idp.manage('GET', '/api/v1/verifiers')).body
    assert.deepEqual(
      verifiers.map(({ id, algorithms }: { id: string; algorithms: string[] }) => [id, algorithms]),
      [
        ['api/narrow', ['ES256']],
        ['api/wide', ['ES256', 'RS256']],
      ],
    )
  })

  test('waits for a verifier that has not said what it allows, and goes on by itself when it does', async () => {
    const { idp } = await start()
    await served(idp)
    const about = { instance: 'silent', algorithms: [] as string[] }
    const silent = apiProcess(idp, about)
    await silent.catchUp()
    const { status, body } = await put(idp, rs256)
    assert.deepEqual([status, body.keyring, body.algorithm, body.confirmed], [202, es256, 'ES256', true])
    assert.deepEqual(
      [body.move.to, body.move.algorithm, body.move.by, body.move.forced],
      [rs256, 'RS256', 'admin-1', false],
    )
    assert.deepEqual(body.move.waiting.for, ['verifier api/silent to allow RS256'])
    assert.ok(Date.parse(body.move.waiting.opensAt) > Date.parse(body.move.requestedAt), 'opens when its lease is over')
    assert.equal(await algorithm(idp), 'ES256')
    assert.deepEqual((await put(idp, rs256)).body.move.requestedAt, body.move.requestedAt, 'asked for already')
    about.algorithms.push('RS256')
    await silent.ask()
    await moved(idp, 'RS256')
  })

  test('takes a verifier that appears meanwhile into its gate, and one that says goodbye out of it', async () => {
    const { idp } = await start()
    await served(idp)
    const about = { instance: 'silent', algorithms: [] as string[] }
    const silent = apiProcess(idp, about)
    await silent.catchUp()
    await put(idp, rs256)
    const late = apiProcess(idp, { instance: 'late', algorithms: ['ES256'] })
    await late.catchUp()
    about.algorithms.push('RS256')
    await silent.ask()
    const { move, keyring } = await get(idp)
    assert.deepEqual([keyring, move.waiting.for], [es256, ['verifier api/late to allow RS256']])
    await late.goodbye()
    await moved(idp, 'RS256')
  })

  test('is not made by an instance that looked before such a verifier came', async () => {
    const { estate, idp } = await start()
    await served(idp)
    const late = apiProcess(idp, { instance: 'late', algorithms: ['ES256'] })
    const { view, loop } = idp.idp.instance
    // Its loop must not be the one that finds the gate open.
    await loop.stop()
    const move: Move = { to: rs256, requestedAt: await idp.idp.instance.store.now(), by: 'ops', forced: false }
    const before = await loadIssuance(estate.db)
    await saveIssuance(
      estate.db,
      before,
      { keyring: es256, move },
      { action: 'issuance.requested', actor: 'ops', details: {} },
    )
    const paused = {
      doubtMs: (leaseMs: number) => view.doubtMs(leaseMs),
      // The verifiers were read a moment ago.
      async live() {
        await late.catchUp()
        return view.live()
      },
    }
    assert.equal((await carryOutMove(estate.db, paused)).move?.to, rs256)
    assert.equal((await loadIssuance(estate.db)).keyring, es256)
    await late.goodbye()
    assert.equal((await carryOutMove(estate.db, view)).keyring, rs256)
  })

  test('waits for a verifier that does not hold the key in use there', async () => {
    const { idp } = await start()
    await served(idp)
    const slow = apiProcess(idp, { instance: 'slow', algorithms: ['RS256'] })
    await slow.catchUp()
    const path = `/api/v1/keyrings/${rs256}`
    const find = async () => (await idp.manage('GET', path)).body.versions.at(-1)
    const standby = await find()
    await idp.manage('POST', `${path}/discard`, { id: standby.id })
    await eventually(find, (version) => version.id !== standby.id && version.servedAt)
    await idp.manage('POST', `${path}/rotate`, { force: true })
    const { id } = standby
    await eventually(
      async () => (await idp.manage('GET', path)).body.versions.filter((version: { id: string }) => version.id !== id),
      (versions) => versions[1].state === 'active',
    )
    const { body } = await put(idp, rs256)
    assert.deepEqual(body.move.waiting.for, ['verifier api/slow'])
    await slow.catchUp()
    await moved(idp, 'RS256')
  })

  test('waits for readers that cannot be seen, counted from when every instance served the key', async () => {
    const environment = { REKEY_ANONYMOUS_PROPAGATION: '2s', JWKS_CACHE_TTL_SECONDS: '1', REKEY_CLOCK_SKEW: '1s' }
    const { estate, idp } = await start(environment)
    const { body } = await put(idp, rs256)
    assert.equal(body.keyring, es256)
    assert.equal(body.move.waiting.for.length, 1)
    await moved(idp, 'RS256')
    const { versions } = (await idp.manage('GET', `/api/v1/keyrings/${rs256}`)).body
    const { at } = await estate.db
      .selectFrom('audit_events')
      .select('at')
      .where('action', '=', 'issuance.moved')
      .executeTakeFirstOrThrow()
    assert.ok(at - Date.parse(versions[0].servedAt) >= 2_000)
  })

  test('that waits is withdrawn by asking for the keyring in use, and force ends the wait', async () => {
    const { estate, idp } = await start()
    await served(idp)
    const about = { instance: 'silent', algorithms: [] as string[] }
    const silent = apiProcess(idp, about)
    await silent.catchUp()
    await put(idp, rs256)
    const { status, body } = await put(idp, es256, { reason: 'too early' })
    assert.deepEqual([status, body.keyring, body.move], [202, es256, undefined])
    about.algorithms.push('RS256')
    await silent.ask()
    assert.deepEqual(await actions(estate), ['issuance.created', 'issuance.requested', 'issuance.withdrawn'])
    assert.equal((await get(idp)).keyring, es256)
    about.algorithms.pop()
    await silent.ask()
    assert.equal((await put(idp, rs256)).body.move.forced, false)
    assert.equal((await put(idp, rs256, { force: true })).body.keyring, rs256)
    assert.equal((await events(estate)).at(-1)?.forced, true)
  })

  test('is carried out by another instance when the one that was asked died over it', async () => {
    const { estate, idp } = await start()
    // What the one that died had written: the request, and nothing more.
    const move: Move = { to: rs256, requestedAt: Date.now(), by: 'ops', forced: false }
    const before = await loadIssuance(estate.db)
    await saveIssuance(
      estate.db,
      before,
      { keyring: es256, move },
      { action: 'issuance.requested', actor: 'ops', details: {} },
    )
    await moved(idp, 'RS256')
  })

  test('is made once when it is asked for at several instances at once', async () => {
    const { estate, idp } = await start()
    const all = [idp, await estate.instance(), await estate.instance()]
    await served(idp)
    const replies = await Promise.all(all.map((instance) => put(instance, rs256)))
    for (const { status, body } of replies) assert.deepEqual([status, body.keyring, body.confirmed], [202, rs256, true])
    assert.deepEqual(await Promise.all(all.map(algorithm)), ['RS256', 'RS256', 'RS256'])
    assert.deepEqual(await actions(estate), ['issuance.created', 'issuance.requested', 'issuance.moved'])
  })

  test('ends in one place when two ask for different ones at once', async () => {
    const { estate, idp } = await start()
    const other = await estate.instance()
    await served(idp)
    const wishes = [es256, rs256, es256, rs256]
    await Promise.all(wishes.map((keyring, index) => put(index % 2 === 0 ? idp : other, keyring)))
    const {
      keyring,
      move,
      algorithm: expected,
    } = await eventually(
      () => get(idp),
      (found) => found.move === undefined && found.confirmed,
    )
    assert.ok([es256, rs256].includes(keyring))
    assert.equal(move, undefined)
    assert.deepEqual(await Promise.all([idp, other].map(algorithm)), [expected, expected])
  })

  test('is not forgotten by an instance whose view was dropped: it reads it anew', async () => {
    const { estate, idp } = await start()
    assert.equal(await algorithm(idp), 'ES256')
    // Nobody is told: only who reads everything anew can know.
    await estate.db.updateTable('issuance').set({ keyring: rs256 }).execute()
    await estate.database.reachable(false)
    await eventually(
      () => idp.token(agent),
      ({ status }) => status !== 200,
    )
    await estate.database.reachable(true)
    const token = await eventually(
      () => idp.token(agent),
      ({ status }) => status === 200,
    )
    assert.equal(decodeUnverified(token.body.access_token).header.alg, 'RS256')
  })

  test('is refused with a stable code when what is asked for is wrong', async () => {
    const { estate, idp } = await start()
    const cases: [unknown, number, string][] = [
      [{ keyring: 'signing-none' }, 404, 'UNKNOWN_KEYRING'],
      [{ keyring: '../signing-rs256' }, 404, 'UNKNOWN_KEYRING'],
      [{ keyring: 'a\u0000b' }, 400, 'INVALID_REQUEST'],
      [{ keyring: '' }, 400, 'INVALID_REQUEST'],
      [{ keyring: 'x'.repeat(64) }, 400, 'INVALID_REQUEST'],
      [{ keyring: rs256, force: 'yes' }, 400, 'INVALID_REQUEST'],
      [{ keyring: rs256, reason: '\u0000' }, 400, 'INVALID_REQUEST'],
      [{}, 400, 'INVALID_REQUEST'],
      [[], 400, 'INVALID_REQUEST'],
      [undefined, 400, 'INVALID_REQUEST'],
    ]
    for (const [body, status, code] of cases) {
      const reply = await idp.manage('PUT', '/api/v1/issuance', body)
      assert.deepEqual([reply.status, reply.body.code], [status, code], JSON.stringify(body))
    }
    const mayRead = await idp.management({ clientId: 'reader-1', clientSecret: `sk_live_${'c'.repeat(64)}` })
    assert.equal((await idp.manage('GET', '/api/v1/issuance', undefined, mayRead)).status, 200)
    const refused = await idp.manage('PUT', '/api/v1/issuance', { keyring: rs256 }, mayRead)
    assert.deepEqual([refused.status, refused.body.code], [403, 'INSUFFICIENT_SCOPE'])
    assert.equal((await idp.call('/api/v1/issuance')).status, 401)
    assert.equal((await idp.call('/api/v1/issuance', { method: 'POST' })).status, 405)
    assert.deepEqual(await actions(estate), ['issuance.created'])
  })
})
