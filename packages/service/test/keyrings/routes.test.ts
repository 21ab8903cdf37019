import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import type { FastifyRequest } from 'fastify'
import { type Asked, keyringRoutes, ServiceError } from '../../src/index.ts'
import { asked, keyring, openService, type Service } from '../setting.ts'

const path = '/internal/keyrings'
const one = `${path}/${keyring}`

describe('the administration of keyrings', { timeout: 60_000 }, () => {
  let service: Service
  let http: Awaited<ReturnType<typeof asked>>
  /** What must not be asked for. */
  let unwanted: Asked['act'] | undefined
  const seen: Asked[] = []

  before(async () => {
    service = await openService()
    const door = (right: string) => async (request: FastifyRequest) => {
      const rights = String(request.headers.rights ?? 'read write contain').split(' ')
      if (!rights.includes(right)) throw new ServiceError('FORBIDDEN', `this needs ${right}`)
    }
    keyringRoutes(service.app, service, {
      path,
      read: door('read'),
      write: door('write'),
      contain: door('contain'),
      actorOf: () => 'operator-1',
      before(act) {
        seen.push(act)
        if (act.act === unwanted) throw new ServiceError('FORBIDDEN', 'its secret is given from outside')
      },
    })
    http = await asked(service.app)
  })
  after(() => service.close())

  const shown = async () => (await http.get(one)).body
  const idsOf = async (state: string): Promise<string[]> =>
    (await shown()).versions
      .filter((each: { state: string }) => each.state === state)
      .map(({ id }: { id: string }) => id)
  const standby = () =>
    eventually(
      () => idsOf('prepared'),
      (ids) => ids.length > 0,
    )

  test('lists them, and shows one without what it keeps secret', async () => {
    const list = await http.get(path)
    assert.deepEqual([list.status, list.body.keyrings.map(({ name }: { name: string }) => name)], [200, [keyring]])
    const { status, body } = await http.get(one)
    assert.deepEqual([status, body.kind, body.policy.rotateEvery], [200, 'shared-secret', '90d'])
    const stored = (await service.store.load(keyring))?.versions[0]?.sealedPrivate
    assert.ok(stored)
    assert.equal(JSON.stringify(body).includes(stored), false)
  })

  test('rotates by the loop, and the audit has who asked for it', async () => {
    const [next] = await standby()
    const { status } = await http.post(`${one}/rotate`, { reason: 'drill' })
    assert.equal(status, 202)
    await eventually(
      () => idsOf('active'),
      ([active]) => active === next,
    )
    const event = await service.db
      .selectFrom('audit_events')
      .selectAll()
      .where('action', '=', 'keyring.rotation_requested')
      .executeTakeFirstOrThrow()
    assert.partialDeepStrictEqual(event, { actor: 'operator-1', details: { reason: 'drill' } })
  })

  test('takes a rotation back', async () => {
    const [now] = await idsOf('active')
    const { status } = await http.post(`${one}/rollback`)
    assert.equal(status, 202)
    assert.notDeepEqual(await idsOf('active'), [now])
  })

  test('prepares no more than serves anybody, and gives one up', async () => {
    await eventually(
      () => http.post(`${one}/prepare`),
      ({ body }) => body.code === 'TOO_MANY_PREPARED',
    )
    const [id] = await idsOf('prepared')
    const { status } = await http.post(`${one}/discard`, { id })
    assert.deepEqual([status, (await idsOf('prepared')).includes(String(id))], [202, false])
  })

  test('revokes the active version when another one has taken over', async () => {
    const [id] = await idsOf('active')
    const { status, body } = await http.post(`${one}/revoke`, { id, reason: 'stolen', incident: 'INC-1' })
    assert.equal(status, 200)
    const version = body.versions.find((each: { id: string }) => each.id === id)
    assert.partialDeepStrictEqual(version, { state: 'revoked', reason: 'stolen', incident: 'INC-1' })
    assert.equal((await idsOf('active')).length, 1)
    assert.deepEqual(seen.at(-1), { act: 'revoke', keyring, incident: 'INC-1' })
  })

  test('changes nothing where the service refuses what is asked for', async (t) => {
    t.after(() => {
      unwanted = undefined
    })
    const [id] = await standby()
    const bodies = { prepare: {}, rotate: {}, rollback: {}, discard: { id }, revoke: { id, reason: 'x' } }
    const before = (await shown()).versions.map((each: { id: string; state: string }) => [each.id, each.state])
    for (const [act, body] of Object.entries(bodies)) {
      unwanted = act as Asked['act']
      const reply = await http.post(`${one}/${act}`, body)
      assert.deepEqual([act, reply.status, reply.body.code], [act, 403, 'FORBIDDEN'])
    }
    const { rotation, versions } = await shown()
    assert.equal(rotation, undefined)
    assert.deepEqual(
      versions.map((each: { id: string; state: string }) => [each.id, each.state]),
      before,
    )
  })

  test('lets in by the hook of what is asked for', async () => {
    const status = async (action: string, rights: string) =>
      (await http.post(`${one}/${action}`, { id: 'unknown', reason: 'x' }, { rights })).status
    assert.equal((await http.get(path, { rights: 'write contain' })).status, 403)
    assert.equal((await http.get(one, { rights: 'write contain' })).status, 403)
    for (const action of ['prepare', 'rotate', 'rollback', 'discard']) {
      assert.equal(await status(action, 'read contain'), 403, action)
    }
    assert.equal(await status('revoke', 'read write'), 403)
    assert.equal(await status('revoke', 'contain'), 404)
  })

  test('knows no other keyring', async () => {
    const other = `${path}/other`
    const replies = [await http.get(other), await http.post(`${other}/rotate`), await http.post(`${other}/prepare`)]
    for (const { status, body } of replies) assert.deepEqual([status, body.code], [404, 'UNKNOWN_KEYRING'])
  })
})
