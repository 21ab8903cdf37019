import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { proxyFor } from '@rekey/database/testing'
import { agent, type Estate, eventually, startEstate } from '../estate.ts'

describe('an instance that is cut off from the database', { timeout: 90_000 }, () => {
  const opened: { estate: Estate; wire: Awaited<ReturnType<typeof proxyFor>> }[] = []
  afterEach(async () => {
    for (const { estate, wire } of opened.splice(0)) {
      await estate.stop()
      wire.close()
    }
  })

  /** Two instances, of which one reaches the database by a wire, and a credential that both have in memory. */
  async function setting() {
    const estate = await startEstate({ REKEY_ISSUER: 'http://idp.example' })
    const wire = await proxyFor(estate.database.serviceUrl)
    opened.push({ estate, wire })
    const one = await estate.instance()
    const far = await estate.instance({ DATABASE_URL: wire.url })
    assert.deepEqual([(await one.token(agent)).status, (await far.token(agent)).status], [200, 200])
    const all = `/api/v1/agents/${agent.clientId}/credentials`
    const [credential] = (await one.manage('GET', all)).body.credentials
    return { wire, one, far, path: `${all}/${credential.credentialId}` }
  }

  for (const fault of ['cut', 'freeze'] as const) {
    test(`accepts nothing that another one was told is revoked, from the moment of the reply on (${fault})`, async () => {
      const { wire, one, far, path } = await setting()
      wire[fault]()
      const reply = await one.manage('POST', `${path}/revoke`, { reason: 'leaked' })
      assert.equal(reply.status, 200)
      assert.notEqual((await far.token(agent)).status, 200)
      wire.mend()
      const refused = await eventually(
        () => far.token(agent),
        ({ status }) => status !== 503,
      )
      assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client'])
    })
  }

  test('knows the new secret, and not the old one, when it is back', async () => {
    const { wire, one, far, path } = await setting()
    wire.cut()
    const { body } = await one.manage('POST', `${path}/rotate`, {})
    assert.equal((await one.token(body)).status, 200)
    assert.notEqual((await far.token(agent)).status, 200)
    wire.mend()
    await eventually(
      () => far.token(body),
      ({ status }) => status === 200,
    )
    assert.equal((await far.token(agent)).status, 401)
  })
})
