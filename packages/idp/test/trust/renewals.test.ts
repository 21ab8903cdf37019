import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { basic, type Estate, startEstate, type TestInstance, verifier } from '../estate.ts'
import { waitedFor } from '../waited-for.ts'

interface Asked {
  instance: string
  epoch: number
  n: number
}

describe('renewals that come at once', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let newest: { epoch: number; n: number }
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    newest = (await renew({ instance: 'first', epoch: 0, n: 0 })).body
  })
  after(() => estate.stop())

  function renew(asked: Asked) {
    const headers = { authorization: basic(verifier), 'content-type': 'application/json' }
    const body = JSON.stringify({ ...asked, library: 'test/1', algorithms: ['ES256', 'RS256'] })
    return idp.call('/trust/lease', { method: 'POST', headers, body })
  }

  async function shown(prefix: string) {
    const { verifiers } = (await idp.manage('GET', '/api/v1/verifiers')).body
    return verifiers.filter(({ instance }: { instance: string }) => instance.startsWith(prefix))
  }

  test('are each answered and recorded for themselves: who is behind gets nothing, whoever else is granted', async () => {
    const asked = Array.from({ length: 200 }, (_, i) => ({
      instance: `together-${i}`,
      epoch: newest.epoch,
      n: i % 2 === 0 ? newest.n : newest.n - 1,
    }))
    const replies = await Promise.all(asked.map(renew))
    assert.deepEqual(
      replies.map(({ body }) => body),
      asked.map(({ n }) => ({ ...newest, leaseSeconds: n === newest.n ? 15 : 0 })),
    )
    const recorded = await shown('together-')
    assert.equal(recorded.length, asked.length)
    for (const { instance, revision, live, algorithms, behindSince } of recorded) {
      const { n } = asked[Number(instance.slice('together-'.length))] as Asked
      assert.deepEqual({ revision, live }, { revision: { epoch: newest.epoch, n }, live: n === newest.n })
      assert.deepEqual(algorithms, ['ES256', 'RS256'])
      assert.equal(behindSince === null, n === newest.n)
    }
  })

  test('from one process are recorded one after the other', async () => {
    const renewals = Array.from({ length: 20 }, () => renew({ instance: 'alone', ...newest }))
    for (const { status, body } of await Promise.all(renewals)) {
      assert.deepEqual({ status, lease: body.leaseSeconds }, { status: 200, lease: 15 })
    }
    assert.equal((await shown('alone')).length, 1)
  })

  /** Holds the row of a process as a transaction does that is slow to commit, while `act` runs; `blocked` waits until somebody waits for that. */
  async function whileHeld(instance: string, act: (blocked: () => Promise<void>) => Promise<void>): Promise<void> {
    await estate.db.transaction().execute(async (transaction) => {
      await sql`SELECT FROM verifier_leases WHERE instance = ${instance} FOR UPDATE`.execute(transaction)
      await act(() => waitedFor(transaction))
    })
  }

  test('earn nothing when what they hold was replaced before anybody could see the lease', async () => {
    const held = (await renew({ instance: 'slow', ...newest, n: 0 })).body
    let late: Promise<{ body: { n: number; leaseSeconds: number } }> | undefined
    await whileHeld('slow', async (blocked) => {
      late = renew({ instance: 'slow', ...newest, n: held.n })
      await blocked()
      const { status } = await idp.manage('POST', '/api/v1/keyrings/signing-es256/prepare')
      assert.equal(status, 202)
    })
    const { body } = (await late) ?? assert.fail()
    assert.deepEqual([body.leaseSeconds, body.n > held.n], [0, true])
    newest = (await renew({ instance: 'first', epoch: 0, n: 0 })).body
  })

  test('do not bring the lease of a process back that has said goodbye meanwhile', async () => {
    await renew({ instance: 'held', ...newest })
    await renew({ instance: 'leaving', ...newest })
    let queued: Promise<{ status: number }> | undefined
    let goodbye: Promise<{ status: number }> | undefined
    await whileHeld('held', async (blocked) => {
      const slow = renew({ instance: 'held', ...newest })
      await blocked()
      queued = renew({ instance: 'leaving', ...newest })
      const headers = { authorization: basic(verifier), 'content-type': 'application/json' }
      goodbye = idp.call('/trust/lease', { method: 'DELETE', headers, body: JSON.stringify({ instance: 'leaving' }) })
      await Promise.race([slow, queued])
    })
    assert.deepEqual([(await queued)?.status, (await goodbye)?.status], [503, 204])
    assert.deepEqual(await shown('leaving'), [])
  })

  test('of more processes than a client can have are refused, and those that are known go on', async () => {
    await sql`INSERT INTO verifier_leases (client_id, instance, epoch, n, library, algorithms, lease_until, accepts_until)
      SELECT ${verifier.clientId}, 'crowd-' || i, 0, 0, 'flood', '{}', now(), now() FROM generate_series(1, 2000) i`.execute(
      estate.db,
    )
    const [more, known] = [
      await renew({ instance: 'one more', ...newest }),
      await renew({ instance: 'first', ...newest }),
    ]
    assert.deepEqual([more.status, more.body.code], [429, 'TOO_MANY_PROCESSES'])
    assert.deepEqual([known.status, known.body.leaseSeconds], [200, 15])
    await sql`DELETE FROM verifier_leases WHERE library = 'flood'`.execute(estate.db)
  })

  test('are refused together when the database is gone, and granted when it is back', async () => {
    const asked = Array.from({ length: 20 }, (_, i) => ({ instance: `cut-${i}`, ...newest }))
    await estate.database.reachable(false)
    const refused = await Promise.all(asked.map(renew))
    await estate.database.reachable(true)
    for (const { status } of refused) assert.equal(status, 503)
    for (;;) {
      const replies = await Promise.all(asked.map(renew))
      if (replies.every(({ status }) => status === 200)) break
    }
    assert.equal((await shown('cut-')).length, asked.length)
  })
})
