import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ensureClients } from '../../src/index.ts'
import { basic, type Estate, eventually, startEstate, type TestInstance, verifier } from '../estate.ts'

describe("a verifier's credential", () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  async function renew(credential: typeof verifier): Promise<number> {
    const headers = { authorization: basic(credential), 'content-type': 'application/json' }
    const body = JSON.stringify({ instance: 'a', epoch: 0, n: 0 })
    return (await idp.call('/trust/lease', { method: 'POST', headers, body })).status
  }

  const setUp = (credential: typeof verifier) =>
    ensureClients(estate.database.ownerUrl, { agents: [], verifiers: [{ ...credential, name: 'api' }] })

  it('is good, and another secret is not', async () => {
    assert.equal(await renew(verifier), 200)
    assert.equal(await renew({ ...verifier, clientSecret: `${verifier.clientSecret}0` }), 401)
  })

  it('that is nobody’s is refused, and good once it is registered', async () => {
    const late = { clientId: 'verifier-2', clientSecret: `sk_live_${'e'.repeat(64)}` }
    assert.equal(await renew(late), 401)
    await ensureClients(estate.database.ownerUrl, { agents: [], verifiers: [{ ...late, name: 'late' }] })
    assert.equal(await renew(late), 200)
  })

  it('that was changed is forgotten by an instance that remembered it', async () => {
    const changed = { ...verifier, clientSecret: `sk_live_${'f'.repeat(64)}` }
    await setUp(changed)
    await eventually(
      () => renew(verifier),
      (status) => status === 401,
    )
    assert.equal(await renew(changed), 200)
  })

  it('that was replaced by one with another id is forgotten too', async () => {
    const changed = { ...verifier, clientSecret: `sk_live_${'f'.repeat(64)}` }
    const successor = { clientId: 'verifier-3', clientSecret: `sk_live_${'9'.repeat(64)}` }
    assert.equal(await renew(changed), 200)
    await setUp(successor)
    await eventually(
      () => renew(changed),
      (status) => status === 401,
    )
    assert.equal(await renew(successor), 200)
  })
})
