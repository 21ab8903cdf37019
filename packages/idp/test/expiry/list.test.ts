import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { countExpired } from '../../src/expiry/count.ts'
import { addClient } from '../audit/reading.ts'
import { iso, pathOf, settingOf, type TestCredential } from '../credentials/setting.ts'
import { eventually } from '../estate.ts'

const dayMs = 86_400_000
const path = '/api/v1/credentials/expiring'

describe('credentials that expire soon', { timeout: 60_000 }, () => {
  const setting = settingOf(1)
  const { credential } = setting
  const manage = (...call: Parameters<ReturnType<typeof setting.idp>['manage']>) => setting.idp().manage(...call)
  const inDays = (days: number) => iso(Date.now() + days * dayMs)
  const idsOf = (reply: { body: { credentials: TestCredential[] } }) =>
    reply.body.credentials.map(({ credentialId }) => credentialId)

  test('are listed with their owner and their end, those first that end first', async () => {
    const second = await credential({ expiresAt: inDays(6) }, { name: 'crawler', owner: 'team-search' })
    const first = await credential({ expiresAt: inDays(2) }, { agentType: 'service account' })
    await credential({ expiresAt: inDays(8) })
    await credential()
    const reply = await manage('GET', path)
    assert.deepEqual([reply.status, reply.body.total, reply.body.nextCursor], [200, 2, null])
    assert.deepEqual(idsOf(reply), [first.credentialId, second.credentialId])
    const { soonSince, ...shown } = reply.body.credentials[1]
    assert.deepEqual(shown, {
      credentialId: second.credentialId,
      agentId: second.clientId,
      agentName: 'crawler',
      owner: 'team-search',
      kind: 'client-secret',
      environment: 'production',
      isRegistered: false,
      expiresAt: second.expiresAt,
    })
    assert.ok(Math.abs(Date.parse(soonSince) - Date.now()) < 60_000, 'it was made a moment ago')
    assert.equal(reply.body.credentials[0].environment, 'service_account')
  })

  test('within another time, and of one environment', async () => {
    const staging = await credential({ expiresAt: inDays(20) }, { deploymentEnv: 'staging' })
    const ids = async (query: string) => idsOf(await manage('GET', `${path}?${query}`))
    assert.deepEqual(await ids('environment=staging'), [])
    assert.deepEqual(await ids('environment=staging&within=21d'), [staging.credentialId])
    assert.equal((await ids('within=21d')).length, 4)
    for (const wrong of ['within=21', 'within=soon', 'environment=moon', 'status=ended', 'within=-1d', 'limit=0']) {
      const { status, body } = await manage('GET', `${path}?${wrong}`)
      assert.deepEqual([status, body.code], [400, 'INVALID_REQUEST'], wrong)
    }
  })

  test('are listed a page at a time, all of them, although those of a page are rotated meanwhile', async () => {
    const made = [await credential({ expiresAt: inDays(30) }), await credential({ expiresAt: inDays(31) })]
    const first = await manage('GET', `${path}?within=40d&limit=4`)
    assert.equal(first.body.total, 6)
    for (const { credentialId, agentId } of first.body.credentials) {
      await manage('POST', `/api/v1/agents/${agentId}/credentials/${credentialId}/rotate`, { expiresAt: inDays(90) })
    }
    const second = await manage('GET', `${path}?within=40d&limit=4&cursor=${first.body.nextCursor}`)
    assert.deepEqual(
      idsOf(second),
      made.map(({ credentialId }) => credentialId),
    )
    assert.equal(second.body.nextCursor, null)
  })

  test('are listed and counted no more when they are rotated, revoked or suspended', async () => {
    const all = [1, 2, 3].map((days) => credential({ expiresAt: inDays(days) }))
    const [rotated, revoked, suspended] = (await Promise.all(all)) as [TestCredential, TestCredential, TestCredential]
    assert.equal((await manage('GET', path)).body.total, 3)
    await setting.rotate(rotated, { expiresAt: inDays(90) })
    await manage('DELETE', pathOf(revoked))
    await manage('POST', `/api/v1/agents/${suspended.clientId}/suspend`)
    assert.equal((await manage('GET', path)).body.total, 0)
  })

  test('of another organization are seen by that alone', async () => {
    const tenant = { clientId: 'tenant-1', clientSecret: `sk_live_${'e'.repeat(64)}`, organizationId: 'acme' }
    await addClient(setting.estate(), tenant, ['agents:read', 'agents:write'])
    const bearer = await setting.idp().management(tenant)
    const agent = await manage('POST', '/api/v1/agents', { name: 'theirs' }, bearer)
    const credentials = `/api/v1/agents/${agent.body.agentId}/credentials`
    const { body } = await manage('POST', credentials, { expiresAt: inDays(1) }, bearer)
    const ours = await credential({ expiresAt: inDays(1) })
    const operators = await manage('GET', path)
    assert.deepEqual(idsOf(operators), [ours.credentialId])
    assert.deepEqual(operators.body.elsewhere, { total: 1, firstExpiresAt: body.expiresAt }, 'the gauge has it, too')
    const theirs = await manage('GET', path, undefined, bearer)
    assert.deepEqual(idsOf(theirs), [body.credentialId])
    assert.equal(theirs.body.elsewhere, undefined)
    await sql`UPDATE credentials SET expires_at = now() - interval '1 hour'
      WHERE credential_id = ${body.credentialId}`.execute(setting.estate().db)
    const ended = await manage('GET', `${path}?status=expired`)
    assert.deepEqual([idsOf(ended), ended.body.elsewhere.total], [[], 1])
    const theirsEnded = await manage('GET', `${path}?status=expired`, undefined, bearer)
    assert.deepEqual(idsOf(theirsEnded), [body.credentialId])
    const { token } = setting.idp()
    const other = (await token(tenant, { scope: 'agents:write' })).body.access_token
    const refused = await manage('GET', path, undefined, other)
    assert.deepEqual([refused.status, refused.body.code], [403, 'INSUFFICIENT_SCOPE'])
  })

  test('are counted by environment when metrics are scraped, and 0 stands there where there are none', async () => {
    const { db } = setting.estate()
    await sql`UPDATE credentials SET expires_at = NULL`.execute(db)
    // Of an instance that counted nothing yet: each counts once in some seconds.
    async function series(): Promise<(string | undefined)[]> {
      const fresh = await setting.estate().instance()
      const found = (await fresh.call('/metrics')).body.matchAll(/^agentidp_credentials_expiring_soon_total(\{.*)$/gm)
      await fresh.close()
      return [...found].map(([, each]) => each).sort()
    }
    const withStaging = (count: number) =>
      Object.entries({ production: 0, service_account: 0, staging: count }).map(
        ([environment, value]) => `{environment="${environment}"} ${value}`,
      )
    assert.deepEqual(await series(), withStaging(0))
    const made = await credential({ expiresAt: inDays(1) }, { deploymentEnv: 'staging' })
    assert.deepEqual(await series(), withStaging(1))
    await setting.rotate(made, { expiresAt: inDays(90) })
    assert.deepEqual(await series(), withStaging(0))
  })

  test('are counted and listed on for a week when they have ended, where their agents are left with none', async () => {
    const { db } = setting.estate()
    await sql`UPDATE credentials SET expires_at = NULL`.execute(db)
    const staging = async () => (await countExpired(db, 7 * dayMs)).staging
    const made = await credential({ expiresAt: inDays(1) }, { deploymentEnv: 'staging' })
    assert.equal(await staging(), 0, 'it can be used')
    const endIt = (days: number) =>
      db
        .updateTable('credentials')
        .set({ expires_at: sql<Date>`now() - ${days} * interval '1 day'` })
        .where('credential_id', '=', made.credentialId)
        .execute()
    await endIt(8)
    assert.equal(await staging(), 0, 'nobody has missed it for so long')
    await endIt(1)
    assert.equal(await staging(), 1)
    const fresh = await setting.estate().instance()
    assert.match((await fresh.call('/metrics')).body, /^rekey_credentials_expired\{environment="staging"\} 1$/m)
    await fresh.close()
    const listed = async (query = '') => await manage('GET', `${path}?status=expired${query}`)
    const { body } = await listed()
    assert.deepEqual([idsOf({ body }), body.total], [[made.credentialId], 1])
    assert.equal('soonSince' in body.credentials[0], false)
    assert.ok(Date.parse(body.credentials[0].expiresAt) < Date.now())
    assert.deepEqual(idsOf(await listed('&environment=production')), [])
    assert.deepEqual(idsOf(await listed('&within=12h')), [], 'it ended a day ago')
    assert.deepEqual(idsOf(await manage('GET', path)), [], 'nobody is told that it can be used')
    await manage('POST', `/api/v1/agents/${made.clientId}/credentials`, { expiresAt: inDays(90) })
    assert.equal(await staging(), 0, 'its agent has another one')
    assert.deepEqual(idsOf(await listed()), [])
  })
})

describe('the time before the end of a credential at which it is told', { timeout: 60_000 }, () => {
  const setting = settingOf(1, { REKEY_EXPIRY_WARNING: '30d' })

  test('is configurable, and the job of each instance that starts goes by it', async () => {
    const made = await setting.credential({ expiresAt: iso(Date.now() + 29 * dayMs) })
    const events = async () => (await setting.events(made)).map(({ action }) => action)
    assert.equal((await setting.idp().manage('GET', path)).body.total, 1)
    await setting.estate().instance()
    await eventually(events, (actions) => actions.includes('credential.expiring_soon'))
    const { lines } = await setting.estate().instance({ REKEY_EXPIRY_WARNING: '7d' })
    assert.equal(
      lines.some((line) => /could not|SecretsRotationJob/.test(line)),
      false,
    )
    assert.equal((await events()).filter((action) => action === 'credential.expiring_soon').length, 1)
  })
})
