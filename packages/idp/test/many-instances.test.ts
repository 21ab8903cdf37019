import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  agent,
  decodeUnverified,
  type Estate,
  eventually,
  type Reply,
  startEstate,
  type TestInstance,
} from './estate.ts'

const path = '/api/v1/keyrings/signing-es256'
/** They are instances of one issuer, wherever each of them listens. */
const issuer = { REKEY_ISSUER: 'http://idp.example' }

const headerOf = async (idp: TestInstance) => decodeUnverified((await idp.token(agent)).body.access_token).header
const kidOf = async (idp: TestInstance): Promise<string> => (await headerOf(idp)).kid
const servedBy = async (idp: TestInstance): Promise<string[]> =>
  (await idp.call('/.well-known/jwks.json')).body.keys.map((key: { kid: string }) => key.kid)

for (const count of [2, 8]) {
  describe(`${count} instances that start at once on an empty database`, { timeout: 120_000 }, () => {
    let estate: Estate
    let all: TestInstance[]
    before(async () => {
      estate = await startEstate(issuer)
      all = await Promise.all(Array.from({ length: count }, () => estate.instance()))
    })
    after(() => estate.stop())

    test('make one active and one standby key for each keyring, and begin to issue once', async () => {
      const { keyrings } = (await (all[0] as TestInstance).manage('GET', '/api/v1/keyrings')).body
      const states = keyrings.map(({ name, versions }: { name: string; versions: { state: string }[] }) => [
        name,
        versions.map(({ state }) => state),
      ])
      assert.deepEqual(states, [
        ['columns', ['active', 'prepared']],
        ['signing-es256', ['active', 'prepared']],
        ['signing-rs256', ['active', 'prepared']],
      ])
      const issuance = await estate.db.selectFrom('issuance').select(['keyring', 'move']).execute()
      assert.deepEqual(issuance, [{ keyring: 'signing-es256', move: null }])
      const created = await estate.db
        .selectFrom('audit_events')
        .select('action')
        .where('action', 'in', ['issuance.created', 'keyring.created'])
        .execute()
      assert.deepEqual(created.map(({ action }) => action).sort(), [
        'issuance.created',
        'keyring.created',
        'keyring.created',
        'keyring.created',
      ])
    })

    test('serve the same keys, sign with the same one, and are listed by their own addresses', async () => {
      assert.equal(new Set(await Promise.all(all.map(kidOf))).size, 1)
      const served = await Promise.all(all.map(servedBy))
      assert.equal(new Set(served.map((kids) => kids.sort().join())).size, 1)
      const { instances } = (await (all[0] as TestInstance).manage('GET', '/api/v1/instances')).body
      assert.deepEqual(
        instances.map(({ address }: { address: string }) => address).sort(),
        all.map(({ url }) => url).sort(),
      )
    })

    test('all issue by another keyring when a move that one was asked for is reported', async () => {
      const [first] = all as [TestInstance]
      const moved = await eventually(
        () => first.manage('PUT', '/api/v1/issuance', { keyring: 'signing-rs256' }),
        ({ body }) => body.move === undefined,
      )
      assert.deepEqual([moved.body.keyring, moved.body.confirmed], ['signing-rs256', true])
      const algs = await Promise.all(all.map(async (idp) => (await headerOf(idp)).alg))
      assert.deepEqual(algs, Array(count).fill('RS256'))
      assert.equal((await first.manage('PUT', '/api/v1/issuance', { keyring: 'signing-es256' })).status, 202)
    })

    test('all sign with the successor when a rotation is done', async () => {
      const [first, second] = all as [TestInstance, TestInstance]
      const old = await kidOf(first)
      await first.manage('POST', `${path}/rotate`)
      const find = async () => {
        const { versions } = (await second.manage('GET', path)).body
        return versions.find((version: { id: string }) => version.id === old)
      }
      await eventually(find, (version) => version.demotedAt)
      const kids = await Promise.all(all.map(kidOf))
      assert.equal(new Set(kids).size, 1)
      assert.notEqual(kids[0], old)
      const rolledBack = await second.manage('POST', `${path}/rollback`)
      assert.equal(rolledBack.status, 202)
      assert.deepEqual(await Promise.all(all.map(kidOf)), Array(count).fill(old))
    })

    test('all refuse a key when its revocation is reported', async () => {
      const [first] = all as [TestInstance]
      const old = await kidOf(first)
      await eventually(
        async () => (await first.manage('GET', path)).body.versions.at(-1),
        (version) => version.state === 'prepared' && version.servedAt,
      )
      assert.equal((await first.manage('POST', `${path}/revoke`, { id: old, reason: 'test' })).status, 200)
      for (const idp of all) {
        assert.notEqual(await kidOf(idp), old)
        assert.ok(!(await servedBy(idp)).includes(old))
      }
    })
  })
}

describe('what one instance was asked for', { timeout: 60_000 }, () => {
  let estate: Estate
  let one: TestInstance
  let slow: TestInstance
  before(async () => {
    estate = await startEstate(issuer)
    ;[one, slow] = [await estate.instance(), await estate.instance()]
  })
  after(() => estate.stop())

  const versions = async () => (await one.manage('GET', path)).body.versions
  const standby = async () =>
    (await eventually(versions, (all) => all.at(-1).state === 'prepared' && all.at(-1).servedAt)).at(-1).id

  /** The reply, and what the slow instance said the moment before it had applied the change. */
  async function whileSlow(ask: () => Promise<Reply>, applied: () => Promise<boolean>): Promise<Reply> {
    const { store } = slow.idp.instance
    const { list } = store
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    store.list = async () => {
      await released
      return list()
    }
    let answered = false
    const reply = ask().finally(() => {
      answered = true
    })
    try {
      await eventually(applied, (done) => done)
      // To show a keyring takes as long as the reply would.
      for (const _ of Array.from({ length: 5 })) await versions()
      assert.equal(answered, false, 'it was reported before the other instance had applied it')
    } finally {
      store.list = list
      release()
    }
    return reply
  }

  test('is reported when the slowest has applied it: a key in reserve that is given up', async () => {
    const id = await standby()
    const isGone = async () => !(await servedBy(one)).includes(id)
    const reply = await whileSlow(() => one.manage('POST', `${path}/discard`, { id }), isGone)
    assert.equal(reply.status, 202)
    assert.ok(!(await servedBy(slow)).includes(id))
  })

  test('is reported when the slowest has applied it: another key in reserve', async () => {
    await standby()
    const before = await servedBy(one)
    const isThere = async () => (await servedBy(one)).length > before.length
    const reply = await whileSlow(() => one.manage('POST', `${path}/prepare`), isThere)
    assert.equal(reply.status, 202)
    assert.ok((await servedBy(slow)).includes(reply.body.versions.at(-1).id))
  })

  test('is reported when the slowest has applied it: a rollback', async () => {
    await standby()
    const old = await kidOf(one)
    await one.manage('POST', `${path}/rotate`)
    await eventually(versions, (all) => all.find((version: { id: string }) => version.id === old).demotedAt)
    const isBack = async () => (await kidOf(one)) === old
    const reply = await whileSlow(() => one.manage('POST', `${path}/rollback`), isBack)
    assert.equal(reply.status, 202)
    assert.equal(await kidOf(slow), old)
  })

  test('is reported when the slowest has applied it: a revocation', async () => {
    const id = await standby()
    const isGone = async () => !(await servedBy(one)).includes(id)
    const reply = await whileSlow(() => one.manage('POST', `${path}/revoke`, { id, reason: 'test' }), isGone)
    assert.equal(reply.status, 200)
    assert.ok(!(await servedBy(slow)).includes(id))
  })
})
