import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pathOf, settingOf, type TestCredential } from './setting.ts'

describe('a credential that is revoked', { timeout: 60_000 }, () => {
  const setting = settingOf(2)
  const { credential, rotate, detail, accepted } = setting

  const revoke = (of: TestCredential, body: object = { reason: 'leaked', incident: 'INC-7' }) =>
    setting.idp().manage('POST', `${pathOf(of)}/revoke`, body)

  test('is dead at every instance with all its versions when the reply is there', async () => {
    const old = await credential()
    const { body } = await rotate(old, { overlap: '1h' })
    const other = (await setting.idp().manage('POST', `/api/v1/agents/${old.clientId}/credentials`, {})).body
    for (const each of [old, body, other]) assert.deepEqual(await accepted(each), [true, true])
    const reply = await revoke(old)
    assert.equal(reply.status, 200)
    assert.partialDeepStrictEqual(reply.body, { status: 'revoked', reason: 'leaked' })
    for (const each of [old, body]) assert.deepEqual(await accepted(each), [false, false])
    assert.deepEqual(await accepted(other), [true, true], 'another credential of the agent goes on')
    const event = (await setting.events(old)).find(({ action }) => action === 'credential.revoked')
    assert.deepEqual(event?.details, { credentialId: old.credentialId, reason: 'leaked', incident: 'INC-7' })
    const states = (await detail(old)).versions.map(({ state }: { state: string }) => state)
    assert.deepEqual(states, ['revoked', 'revoked'])
  })

  test('stays so: it can be revoked again, and not be rotated', async () => {
    const old = await credential()
    const first = await setting.idp().manage('DELETE', pathOf(old))
    assert.deepEqual([first.status, first.body], [204, ''])
    assert.equal((await setting.idp(1).manage('DELETE', pathOf(old))).status, 204)
    assert.equal((await revoke(old)).body.reason, 'deleted')
    const reply = await rotate(old)
    assert.deepEqual([reply.status, reply.body.code], [409, 'CREDENTIAL_REVOKED'])
    const events = (await setting.events(old)).filter(({ action }) => action === 'credential.revoked')
    assert.equal(events.length, 1)
  })

  test('takes the opaque tokens with it that were obtained by it', async () => {
    const old = await credential({}, { scopes: ['agents:read'] })
    const other = (await setting.idp().manage('POST', `/api/v1/agents/${old.clientId}/credentials`, {})).body
    const [mine, theirs] = [await setting.idp(1).management(old), await setting.idp(1).management(other)]
    const list = (bearer: string) => setting.idp(1).manage('GET', '/api/v1/agents', undefined, bearer)
    assert.deepEqual([(await list(mine)).status, (await list(theirs)).status], [200, 200])
    await revoke(old)
    assert.deepEqual([(await list(mine)).status, (await list(theirs)).status], [401, 200])
  })

  test('takes those with it that the release before issued, which does not say by which credential', async () => {
    const old = await credential({}, { scopes: ['agents:read'] })
    const token = await setting.idp().management(old)
    const { db } = setting.estate()
    await db.updateTable('opaque_tokens').set({ credential_id: null }).where('agent_id', '=', old.clientId).execute()
    const list = async () => (await setting.idp(1).manage('GET', '/api/v1/agents', undefined, token)).status
    assert.equal(await list(), 200)
    await revoke(old)
    assert.equal(await list(), 401)
  })

  test('needs a reason', async () => {
    const reply = await revoke(await credential(), {})
    assert.deepEqual([reply.status, reply.body.code], [400, 'INVALID_REQUEST'])
  })

  test('is what becomes of all credentials of an agent that is decommissioned', async () => {
    const old = await credential()
    const agent = `/api/v1/agents/${old.clientId}`
    assert.equal((await setting.idp().manage('POST', `${agent}/decommission`, { reason: 'gone' })).status, 200)
    assert.partialDeepStrictEqual(await detail(old), { status: 'revoked', reason: 'gone' })
    const refused = await setting.idp().manage('POST', `${agent}/credentials`, {})
    assert.deepEqual([refused.status, refused.body.code], [409, 'AGENT_DECOMMISSIONED'])
    assert.equal((await rotate(old)).body.code, 'AGENT_DECOMMISSIONED')
  })
})
