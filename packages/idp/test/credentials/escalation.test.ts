import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { admin } from '../estate.ts'
import { pathOf, settingOf } from './setting.ts'

describe('a secret of an agent that administers', { timeout: 60_000 }, () => {
  const setting = settingOf(1)
  const bearer = async (scope: string) => (await setting.idp().token(admin, { scope })).body.access_token
  const create = async (agentId: string, scope: string) =>
    setting.idp().manage('POST', `/api/v1/agents/${agentId}/credentials`, {}, await bearer(scope))

  test('is not to be had by a token that lacks a scope of it', async () => {
    const of = await setting.credential({}, { scopes: ['keyrings:write', 'reports:read'] })
    const rotated = await setting.idp().manage('POST', `${pathOf(of)}/rotate`, {}, await bearer('agents:write'))
    const created = await create(of.clientId, 'agents:write')
    for (const { status, body } of [rotated, created]) {
      assert.deepEqual([status, body.code, body.details], [403, 'INSUFFICIENT_SCOPE', { scope: 'keyrings:write' }])
    }
    assert.equal((await setting.idp().token(of)).status, 200)
    assert.equal((await setting.detail(of)).versions.length, 1)
  })

  test('is given to a token that has them', async () => {
    const of = await setting.credential({}, { scopes: ['keyrings:write'] })
    assert.equal((await create(of.clientId, 'agents:write keyrings:write')).status, 201)
  })

  test("is no way from a token of one scope to all of one's own", async () => {
    const { status, body } = await create(admin.clientId, 'agents:write')
    assert.deepEqual([status, body.code], [403, 'INSUFFICIENT_SCOPE'])
  })
})
