import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { commonMetrics, leaseIn, observeCommon, operationRoutes, waitsNoted } from '../../src/index.ts'
import { asked, keyring, openService, type Service } from '../setting.ts'

const chain = {
  ages: () => ({ oldestWaiting: 2_000, verified: 3_000, kept: Number.POSITIVE_INFINITY }),
  brokenSince: () => undefined,
  integrity: () => true,
  size: () => 12,
}

describe('health and metrics', { timeout: 60_000 }, () => {
  let service: Service
  let http: Awaited<ReturnType<typeof asked>>
  before(async () => {
    service = await openService()
    const { app, view, store } = service
    const metrics = commonMetrics()
    const held = await store.list()
    const now = (await store.now()) + 60_000
    const waits = waitsNoted()
    operationRoutes(app, {
      view,
      registry: metrics.registry,
      metricsFrom: ['192.0.2.0/24'],
      requireLease: leaseIn(view),
      observe: () => observeCommon(metrics, { view, chain, keyrings: held, waits, now }),
    })
    http = await asked(app)
  })
  after(() => service.close())

  test('tells of the lease, the audit and each keyring', async () => {
    const { status, body } = await http.get('/metrics')
    assert.equal(status, 200)
    assert.match(body, new RegExp(`rekey_keyring_versions{keyring="${keyring}",state="active"} 1\n`))
    assert.match(body, new RegExp(`rekey_keyring_active_age_seconds{keyring="${keyring}"} 6\\d`))
    assert.match(body, /agentidp_audit_chain_integrity 1\n/)
    assert.match(body, /rekey_audit_chain_size 12\n/)
    assert.match(body, /rekey_audit_checkpoint_kept_age_seconds \+?Inf/)
    assert.match(body, /rekey_instance_lease_seconds [0-9.]+\n/)
    assert.match(body, /process_cpu_seconds_total/)
  })

  for (const header of ['x-forwarded-for', 'forwarded']) {
    test(`tells nothing to whom a proxy on this machine calls for, by ${header}`, async () => {
      const { status, body } = await http.get('/metrics', { [header]: 'for=192.0.2.1' })
      assert.deepEqual([status, body.code], [403, 'FORBIDDEN'])
    })
  }

  test('tells the networks that are named, and nobody else', async () => {
    const from = async (remoteAddress: string, headers = {}) =>
      (await service.app.inject({ url: '/metrics', remoteAddress, headers })).statusCode
    assert.equal(await from('192.0.2.1'), 200)
    assert.equal(await from('198.51.100.1'), 403)
    assert.equal(await from('192.0.2.1', { 'x-forwarded-for': '198.51.100.1' }), 403)
  })

  test('is alive, but not ready, without a lease on the database', async () => {
    assert.equal((await http.get('/readyz')).body.status, 'ready')
    await service.database.reachable(false)
    const unready = await eventually(
      () => http.get('/readyz'),
      ({ status }) => status !== 200,
    )
    assert.deepEqual([unready.status, unready.body.code], [503, 'NO_LEASE'])
    assert.deepEqual((await http.get('/healthz')).body, { status: 'ok' })
    await service.database.reachable(true)
    await eventually(
      () => http.get('/readyz'),
      ({ status }) => status === 200,
    )
  })
})
