import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { restoreBackup, takeBackup } from '@rekey/database'
import { Webhook } from 'standardwebhooks'
import { checkPassword } from '../../src/accounts/check-password.ts'
import { endedByRestore, migrations } from '../../src/migrations.ts'
import { basic, decodeUnverified, type Estate, startEstate, type TestInstance, verifier } from '../estate.ts'
import {
  askRegistration,
  initialToken,
  newKey,
  registerClient,
  sendAs,
  type TestClient,
  tokenByKey,
} from '../registration/client.ts'
import { type Received, type Receiver, startReceiver } from '../webhooks/receiver.ts'

const password = 'correct horse battery'
interface Agent {
  agentId: string
  credential: { credentialId: string; clientId: string; clientSecret: string }
}

/** All of it happens between two instances: the first one is stopped, the backup restored, and another one started. */
describe('an instance that is started on a restored backup', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let folder: string
  let receiver: Receiver
  let bearer: string
  const made = {} as {
    revoked: Agent
    rotated: Agent
    kept: Agent
    account: { accountId: string; username: string }
    hook: { id: string; signingSecret: string }
    client: TestClient
    keptClient: TestClient
    initial: { id: string; token: string }
    spent: { id: string; token: string }
    token: string
  }

  const manage = async (method: string, path: string, body?: unknown) => {
    const reply = await idp.manage(method, `/api/v1${path}`, body, bearer)
    assert.ok(reply.status < 300, `${method} ${path}: ${JSON.stringify(reply.body)}`)
    return reply.body
  }
  const credentialPath = ({ agentId, credential }: Agent) => `/agents/${agentId}/credentials/${credential.credentialId}`
  const logIn = async ({ credential }: Agent) => (await idp.token(credential)).status
  const knows = async (typed: string) => {
    const { username } = made.account
    const login = { username, password: typed, address: '192.0.2.1', clientId: 'shop' }
    return (await checkPassword(idp.idp.instance, login)) !== undefined
  }
  const isActive = async (token: string) => {
    const headers = { authorization: basic(verifier) }
    const body = new URLSearchParams({ token })
    return (await idp.call('/api/v1/token/introspect', { method: 'POST', headers, body })).body.active
  }
  const registers = async ({ token }: { token: string }) =>
    (await askRegistration(idp, { iat: token, key: newKey() })).status
  const isSignedBy = (secret: string, { body, headers }: Received) => {
    try {
      return new Webhook(secret).verify(body, headers as Record<string, string>) !== undefined
    } catch {
      return false
    }
  }

  async function newAgent(name: string): Promise<Agent> {
    const { agentId } = await manage('POST', '/agents', { name, scopes: ['reports:read'] })
    return { agentId, credential: await manage('POST', `/agents/${agentId}/credentials`, {}) }
  }

  async function begin(): Promise<void> {
    for (const name of ['revoked', 'rotated', 'kept'] as const) made[name] = await newAgent(name)
    made.account = await manage('POST', '/accounts', { username: 'ada', password })
    made.hook = await manage('POST', '/webhooks', { name: 'ours', url: receiver.url, events: ['agent.created'] })
    made.initial = await initialToken(idp)
    made.spent = await initialToken(idp, { max_usages: 1 })
    made.client = await registerClient(idp)
    made.keptClient = await registerClient(idp)
    made.token = (await idp.token(made.kept.credential)).body.access_token
  }

  async function endAll(): Promise<void> {
    await manage('POST', `${credentialPath(made.revoked)}/revoke`, { reason: 'leaked' })
    await manage('POST', `${credentialPath(made.rotated)}/rotate`, {})
    await manage('PATCH', `/accounts/${made.account.accountId}`, { password: 'another horse battery' })
    await manage('POST', `/webhooks/${made.hook.id}/rotate-secret`, { overlap: '0s' })
    await idp.manage('DELETE', `/api/admin/dcr/initial-access-tokens/${made.initial.id}`)
    assert.equal(await registers(made.spent), 201)
    assert.equal((await sendAs(idp, made.client.rat, 'DELETE', made.client.path)).status, 204)
    await manage('POST', '/denied', { entries: [{ jti: decodeUnverified(made.token).payload.jti }] })
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-restored-'))
    receiver = await startReceiver()
    estate = await startEstate({
      REKEY_WEBHOOK_ALLOW_PRIVATE: 'localhost, 127.0.0.0/8',
      REKEY_REVOCATION_JOURNAL: join(folder, 'revocations.jsonl'),
    })
    const first = await estate.instance()
    idp = first
    bearer = await idp.management()
    await begin()
    const { ownerUrl } = estate.database
    await takeBackup(join(folder, 'backup'), [{ name: 'idp', ownerUrl }], '1.0.0')
    await endAll()
    await first.close()
    const target = { name: 'idp', ownerUrl, sources: migrations, ended: endedByRestore }
    await restoreBackup(join(folder, 'backup'), [target], { replace: true })
    const { rows } = { rows: await estate.db.selectFrom('credentials').select('status').execute() }
    assert.ok(
      rows.every(({ status }) => status === 'active'),
      'the backup knows nothing of it',
    )
    idp = await estate.instance({ REKEY_ISSUER: first.url })
    bearer = await idp.management()
  })
  after(async () => {
    receiver.close()
    await estate.stop()
    await rm(folder, { recursive: true })
  })

  test('refuses a credential that was revoked, and a secret that a rotation replaced; others go on', async () => {
    const statuses = [await logIn(made.revoked), await logIn(made.rotated), await logIn(made.kept)]
    assert.deepEqual(statuses, [401, 401, 200])
    const { agentId } = made.rotated
    const credential = await manage('POST', `/agents/${agentId}/credentials`, {})
    assert.equal(await logIn({ agentId, credential }), 200, 'its agent gets another one')
  })

  test('refuses the password that was changed, and the one it was changed to, until another is set', async () => {
    assert.deepEqual([await knows(password), await knows('another horse battery')], [false, false])
    await manage('PATCH', `/accounts/${made.account.accountId}`, { password: 'a third horse battery' })
    assert.equal(await knows('a third horse battery'), true)
  })

  test('signs nothing by a secret of a webhook that was replaced, and delivers again when it has another one', async () => {
    const { id, signingSecret } = made.hook
    assert.equal((await manage('GET', `/webhooks/${id}`)).status, 'disabled')
    const { status, body } = await idp.manage('PATCH', `/api/v1/webhooks/${id}`, { status: 'active' }, bearer)
    assert.deepEqual([status, body.code], [409, 'CREDENTIAL_REVOKED'])
    const { signingSecret: next } = await manage('POST', `/webhooks/${id}/rotate-secret`, { overlap: '24h' })
    await manage('PATCH', `/webhooks/${id}`, { status: 'active' })
    const before = receiver.received.length
    await newAgent('somebody')
    const first = (await receiver.arrived(before + 1))[before]
    assert.ok(first)
    assert.deepEqual([isSignedBy(signingSecret, first), isSignedBy(next, first)], [false, true])
  })

  test('knows a registration that was deleted as deleted', async () => {
    const { clientId, key, path, rat } = made.client
    const issuer = { ...idp, url: new URL(made.client.uri).origin }
    const { body } = await sendAs(idp, rat, 'GET', path)
    assert.match(body.error_description, /was deleted/)
    assert.equal((await tokenByKey(issuer, clientId, key)).status, 401)
    assert.equal((await tokenByKey(issuer, made.keptClient.clientId, made.keptClient.key)).status, 200)
  })

  test('refuses initial access tokens that were revoked or used up', async () => {
    assert.deepEqual([await registers(made.initial), await registers(made.spent)], [401, 401])
  })

  test('refuses a token that was denied, and no other', async () => {
    const fresh = (await idp.token(made.kept.credential)).body.access_token
    assert.deepEqual([await isActive(made.token), await isActive(fresh)], [false, true])
  })

  test('tells in the audit what it applied, once', async () => {
    const { events } = await manage('GET', '/audit?action=revocations.applied')
    assert.equal(events.length, 1)
    for (const kind of ['credential-version', 'account', 'webhook-version', 'client', 'initial-token', 'denied']) {
      assert.ok(events[0].details.changed[kind] > 0, kind)
    }
  })
})
