import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { basic, type Estate, startEstate, type TestInstance, verifier } from '../estate.ts'

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
