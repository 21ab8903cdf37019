import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import { processes } from '../../src/trust/gauges.ts'
import { apiProcess, type Estate, startEstate, type TestInstance } from '../estate.ts'

describe('verifiers, as metrics', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  const count = async () => (await processes(estate.db))[0]

  it('tells of one that is registered and of which nothing runs', async () => {
    assert.deepEqual(await count(), { verifier: 'api', current: 0, behind: 0, lapsed: 0, lag: 0 })
    const { body } = await idp.call('/metrics')
    assert.match(body, /^rekey_verifiers\{verifier="api",state="behind"\} 0$/m)
    assert.match(body, /^rekey_verifier_lag_seconds\{verifier="api"\} 0$/m)
  })

  it('counts each process once, by what it holds', async () => {
    const [current, behind, gone, left] = ['a', 'b', 'c', 'd'].map((instance) => apiProcess(idp, { instance }))
    for (const each of [current, gone, left]) await each?.catchUp()
    await behind?.ask()
    await left?.goodbye()
    await sql`UPDATE verifier_leases SET lease_until = now() - interval '1 second' WHERE instance = 'c'`.execute(
      estate.db,
    )
    await sql`UPDATE verifier_leases SET behind_since = now() - interval '1 minute' WHERE instance = 'b'`.execute(
      estate.db,
    )
    const { lag = 0, ...counts } = (await count()) ?? {}
    assert.deepEqual(counts, { verifier: 'api', current: 1, behind: 1, lapsed: 1 })
    assert.ok(lag >= 60_000 && lag < 120_000, String(lag))
  })

  it('lags no more when it has caught up', async () => {
    await apiProcess(idp, { instance: 'b' }).catchUp()
    const { behind, lag } = (await count()) ?? {}
    assert.deepEqual({ behind, lag }, { behind: 0, lag: 0 })
  })
})
