import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { bffEstate, operate } from '../bff.ts'

interface Entry {
  name: string
  kind: string
  management: string
  nextRotation: string
  overdueSince?: string
  description?: string
}

describe('the inventory of the backend for frontend', () => {
  it('has its keyrings, what variables give, and what a file declares', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'rekey-inventory-'))
    t.after(() => rm(folder, { recursive: true }))
    const file = join(folder, 'inventory.json')
    const pin = { name: 'hsm-pin', owner: 'security', rotatedAt: '2020-01-01', rotateEvery: '30d' }
    await writeFile(file, JSON.stringify({ secrets: [pin] }, null, 2))
    const given = randomBytes(32).toString('base64')
    const estate = await bffEstate(t, { env: { CSRF_SECRET_KEY: given, REKEY_INVENTORY: file } })
    const bff = await estate.start()
    const { secrets, totals } = await operate(bff, 'GET', '/inventory')
    const named = (name: string): Entry => secrets.find((each: Entry) => each.name === name)
    for (const name of ['session', 'state', 'token-hash', 'ua-hash']) assert.equal(named(name).management, 'rekey')
    assert.match(named('session').nextRotation, /^\d{4}-/)
    assert.equal(named('csrf').description, 'given by CSRF_SECRET_KEY')
    assert.deepEqual(
      [named('REKEY_BFF_ADMIN_TOKEN').kind, named('REKEY_BFF_ADMIN_TOKEN').nextRotation],
      ['bff-admin-token', 'unmanaged'],
    )
    assert.equal(named('AUTH_CLIENT_SECRET').management, 'unmanaged')
    assert.equal(named('hsm-pin').overdueSince, '2020-01-31T00:00:00.000Z')
    assert.deepEqual([totals.secrets, totals.overdue], [secrets.length, 1])
    assert.ok(!JSON.stringify(secrets).includes(given))
    const metrics = await (await fetch(`${bff.url}/metrics`)).text()
    assert.match(metrics, /^rekey_inventory_secrets\{kind="bff-admin-token",managed="unmanaged"\} 1$/m)
    assert.match(metrics, /^rekey_inventory_declared_overdue_seconds\{secret="hsm-pin"\} \d+/m)
  })
})
