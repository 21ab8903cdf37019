import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect } from '@rekey/database'
import { eventually } from '@rekey/database/testing'
import { RealIdp } from './real-idp.ts'
import type { Ran } from './shell.ts'

const agents = 3_000
const json = ({ stdout }: Ran) => JSON.parse(stdout)

describe('rekey reencrypt and rekey escrow, on a real IdP', { timeout: 120_000 }, () => {
  let idp: RealIdp
  before(async () => {
    idp = await RealIdp.start({ REKEY_ADMIT_LEGACY_COLUMNS: 'plain', REKEY_ESCROW_FOR: '1h' })
  })
  after(() => idp.remove())

  const columns = async () => json(await idp.rekey('reencrypt', '--rate', '1000', '--json'))

  test('encrypting anew outlives kill -9: what was left is found and goes on, and nothing is lost', async () => {
    await idp.rekey('reencrypt', '--pause')
    const owner = connect(idp.database.ownerUrl, { max: 1 })
    await owner.pool.query(
      `INSERT INTO agents (agent_id, organization_id, owner)
       SELECT 'bulk-' || n, 'default', 'owner ' || n FROM generate_series(1, $1::int) AS n`,
      [agents],
    )
    await owner.close()
    const begun = await columns()
    assert.ok(begun.left > 0)
    await eventually(
      async () => json(await idp.rekey('status', '--json')).columns.left,
      (left) => left > 0 && left < agents,
    )
    await idp.kill()
    await idp.start()
    const { code, stdout, stderr } = await idp.rekey('reencrypt', '--watch')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /Every value is encrypted by columns-[0-9a-f]{12}\./)
    assert.match(stdout, /agents\.owner +columns-[0-9a-f]{12} +3000 +in use/)
    const owners = json(await idp.rekey('agent', 'show', 'bulk-2999', '--json')).owner
    assert.equal(owners, 'owner 2999')
  })

  test('older forms are closed for good, by name', async () => {
    const warned = await idp.rekey('status')
    assert.match(warned.stdout, /the older form "plain" is admitted .*\n *rekey reencrypt --close-legacy/)
    const { code, stdout } = await idp.rekey('reencrypt', '--close-legacy')
    assert.equal(code, 0)
    assert.match(stdout, /refused from now on, for good/)
    assert.doesNotMatch((await idp.rekey('status')).stdout, /older form/)
  })

  test('a rotation is followed to its end, and the old key is taken out of escrow by name and reason', async () => {
    assert.match((await idp.rekey('escrow', 'list')).stdout, /There is no key in escrow\./)
    const rotated = await idp.rekey('rotate', 'columns', '--until', 'retired')
    assert.equal(rotated.code, 0, rotated.stderr)
    const { keys } = json(await idp.rekey('escrow', 'list', '--json'))
    assert.equal(keys.length, 1)
    const version = keys[0].version
    const taken = await idp.rekey('escrow', 'take-out', version, '--reason', 'a backup of spring')
    assert.match(taken.stdout, /^[0-9a-f]{64}\n$/)
    assert.doesNotMatch(taken.stderr, /[0-9a-f]{64}/)
    assert.equal((await idp.rekey('escrow', 'take-out', version)).code, 2)
    assert.equal((await idp.rekey('escrow', 'take-out', 'columns-000000000000', '--reason', 'x')).code, 1)
  })

  test('rows whose value does not open are named', async () => {
    const owner = connect(idp.database.ownerUrl, { max: 1 })
    const { stdout } = await idp.rekey('reencrypt')
    const version = /columns-[0-9a-f]{12}/.exec(stdout)?.[0]
    const moved = `SELECT agent_id, organization_id, owner FROM agents WHERE owner LIKE 'c1.${version}.%' LIMIT 1`
    await owner.pool.query(
      `INSERT INTO agents (agent_id, organization_id, owner)
       SELECT 'moved', organization_id, owner FROM (${moved}) AS other`,
    )
    await idp.rekey('rotate', 'columns')
    const told = await eventually(
      async () => (await idp.rekey('reencrypt')).stdout,
      (text) => text.includes('DOES NOT OPEN'),
    )
    assert.match(told, /agents\.owner +moved +SEAL_DAMAGED/)
    await owner.pool.query(`DELETE FROM agents WHERE agent_id = 'moved'`)
    await owner.close()
  })

  for (const words of [
    ['--rate', '0'],
    ['--rate', '1.5'],
    ['--pause', '--watch'],
    ['--close-legacy', '--rate', '5'],
  ]) {
    test(`refuses ${words.join(' ')}`, async () => {
      assert.equal((await idp.rekey('reencrypt', ...words)).code, 2)
    })
  }
})
