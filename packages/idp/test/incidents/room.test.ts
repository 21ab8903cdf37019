import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { type Estate, eventually, type Reply, reader, startEstate, type TestInstance } from '../estate.ts'
import { incidents } from './setting.ts'

describe('work on an incident', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  test('has room where too many other requests wait for the database', async () => {
    const [operator, flooder] = [await idp.management(), await idp.management(reader)]
    const { pool } = idp.idp.instance.connection
    const flood: Promise<Reply>[] = []
    const { working } = await estate.db.transaction().execute(async (transaction) => {
      await sql`LOCK TABLE opaque_tokens IN ACCESS EXCLUSIVE MODE`.execute(transaction)
      for (let count = 0; count < 400; count += 1) {
        flood.push(idp.manage('GET', '/api/v1/keyrings', undefined, flooder))
      }
      assert.deepEqual(await Promise.race(flood).then(({ status, body }) => [status, body.code]), [503, 'OVERLOADED'])
      const waiting = pool.waitingCount
      const reply = idp.manage('GET', incidents, undefined, operator)
      await eventually(
        async () => pool.waitingCount,
        (count) => count > waiting,
      )
      return { working: reply }
    })
    assert.equal((await working).status, 200)
    await Promise.all(flood)
  })
})
