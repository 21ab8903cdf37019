import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Plan, type PlanInput, plan } from '@rekey/breakglass'
import { inspectPlan } from '../../../src/incidents/remedies/inspect.ts'
import { apiProcess, type Estate, eventually, startEstate, type TestInstance } from '../../estate.ts'
import { kidIn, signing } from './estate.ts'

describe('what an inspection finds', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let bearer: string
  let active: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    bearer = await idp.management()
    active = await kidIn(idp, bearer, 'active')
  })
  after(() => estate.stop())

  const planFor = (asked: Omit<PlanInput, 'incident' | 'reason'>): Plan =>
    plan.parse({ incident: 'INC', reason: 'drill', ...asked })
  const inspect = (asked: Parameters<typeof planFor>[0]) =>
    inspectPlan(idp.idp.instance, planFor(asked), { clientId: 'admin-1' })

  test('is the key and all others, verifiers and instances, and nothing in the way', async () => {
    await kidIn(idp, bearer, 'prepared')
    const api = apiProcess(idp, { instance: 'one' })
    await api.catchUp()
    const found = await inspect({ kid: active })
    assert.deepEqual(found.provider, { kind: 'rekey', issuer: idp.url })
    const { key } = found
    assert.deepEqual([key?.kid, key?.state, key?.canSign, key?.keyring], [active, 'active', true, signing])
    assert.match(key?.thumbprint ?? '', /^[\w-]{43}$/)
    assert.ok(Date.parse(key?.activatedAt ?? '') <= Date.parse(found.now))
    assert.deepEqual(found.keys.map(({ state }) => state).toSorted(), ['active', 'active', 'prepared', 'prepared'])
    assert.deepEqual(
      found.verifiers.map(({ id, live }) => [id, live]),
      [[api.id, true]],
    )
    assert.equal(found.instances.length, 1)
    assert.deepEqual(found.obstacles, [])
    assert.equal(found.warnings.length, 1)
    assert.match(found.warnings[0] ?? '', /poll cannot be seen/)
  })

  test('is in the way where the store may have leaked and the root key with it: what would take over is the thief’s too', async () => {
    const { obstacles } = await inspect({ kid: active, suspectStore: true })
    assert.deepEqual(
      obstacles.map(({ code }) => code),
      ['ROOT_KEY_NOT_REPLACED'],
    )
    assert.match(obstacles[0]?.message ?? '', /still the newest one: put a new one in front of it/)
  })

  test('is no key where nobody knows it', async () => {
    assert.equal((await inspect({ kid: 'es256-unknown' })).key, undefined)
  })

  test('is in the way where the sessions of the client that asks would end, but not with those of all', async () => {
    for (const selector of [{ sub: 'admin-1' }, { clientId: 'admin-1' }]) {
      const { obstacles } = await inspect({ kid: active, sessions: [{ sid: 'x' }, selector] })
      assert.deepEqual(
        obstacles.map(({ code }) => code),
        ['SELF_LOCK'],
      )
    }
    assert.deepEqual((await inspect({ kid: active, sessions: [{ all: true }, { sub: 'mallory' }] })).obstacles, [])
  })

  test('is in the way where a moment has not come yet', async () => {
    const ahead = new Date(Date.now() + 3_600_000).toISOString()
    for (const asked of [{ since: ahead }, { sessions: [{ all: true as const, issuedBefore: ahead }] }]) {
      const { obstacles } = await inspect({ kid: active, ...asked })
      assert.deepEqual(
        obstacles.map(({ code }) => code),
        ['PLAN_INVALID'],
      )
      assert.ok(obstacles[0]?.message.includes(ahead))
    }
  })

  test('is a warning where a verifier lags, the key does not sign, or no token of it can be made', async () => {
    const warned = async (kid: string, what: RegExp) => {
      const { warnings } = await inspect({ kid })
      assert.ok(
        warnings.some((text) => what.test(text)),
        warnings.join('\n'),
      )
    }
    const prepared = await kidIn(idp, bearer, 'prepared')
    await warned(prepared, /only prepared/)
    await warned(await kidIn(idp, bearer, 'active', 'signing-rs256'), /issued by signing-es256/)
    const path = `/api/v1/keyrings/${signing}`
    await idp.manage('POST', `${path}/prepare`, undefined, bearer)
    await warned(active, /^api\/one does not hold what is newest/)
    await idp.manage('POST', `${path}/rotate`, { force: true }, bearer)
    await eventually(
      () => kidIn(idp, bearer, 'active'),
      (kid) => kid !== active,
    )
    await warned(active, /does not sign any more/)
    await idp.manage('POST', `${path}/revoke`, { id: active, reason: 'drill' }, bearer)
    await warned(active, /revoked already/)
    await warned(active, /private half of the key is gone/)
    const { key } = await inspect({ kid: active })
    assert.deepEqual([key?.canSign, key?.reason], [false, 'drill'])
  })
})
