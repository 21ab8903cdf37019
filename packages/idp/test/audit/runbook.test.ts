import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { addClient, auditor, auditReader } from './reading.ts'

describe('evidence of rotations', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance

  before(async () => {
    estate = await startEstate()
    await addClient(estate, auditor, ['audit:read'])
    idp = await estate.instance()
  })
  after(() => estate.stop())

  test('is read by GET /audit?action=credential.rotated with a token for nothing else', async () => {
    const { body: agent } = await idp.manage('POST', '/v1/agents', { name: 'rotated' })
    const path = `/v1/agents/${agent.agentId}/credentials`
    const { body: credential } = await idp.manage('POST', path)
    const rotated = await idp.manage('POST', `${path}/${credential.credentialId}/rotate`, {
      expiresAt: '2099-03-31T00:00:00.000Z',
    })
    assert.equal(rotated.status, 200)
    const audit = await auditReader(idp, auditor)
    await audit.until({ action: 'credential.rotated' })
    const { status, body } = await audit.get('/audit?action=credential.rotated')
    assert.equal(status, 200)
    const [event] = body.events
    assert.deepEqual([event.action, event.outcome, event.agentId], ['credential.rotated', 'success', agent.agentId])
    assert.equal(event.details.credentialId, credential.credentialId)
    for (const secret of [credential.clientSecret, rotated.body.clientSecret]) {
      assert.equal(JSON.stringify(body).includes(secret), false)
    }
    assert.equal((await audit.get('/audit/verify')).body.verified, true)
    assert.equal((await audit.get('/v1/agents')).body.code, 'INSUFFICIENT_SCOPE')
  })
})
