import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import {
  admin,
  agent,
  apiProcess,
  basic,
  type Estate,
  eventually,
  type Reply,
  startEstate,
  type TestInstance,
} from '../estate.ts'
import { newKey, registerClient, sendAs } from '../registration/client.ts'
import { auditReader } from './reading.ts'

/** What may be called without leaving an event of its own: it changes nothing, or calls others that do. */
const leavesNothing = [
  'POST /api/v1/token/introspect',
  'POST /api/v1/incidents/{incident}/claim',
  'POST /api/v1/incidents/{incident}/release',
  'POST /api/v1/incidents/{incident}/run',
]

describe('every act of an administrator', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let audit: Awaited<ReturnType<typeof auditReader>>

  before(async () => {
    estate = await startEstate({ REKEY_ESCROW_FOR: '1h' })
    idp = await estate.instance()
    audit = await auditReader(idp)
  })
  after(() => estate.stop())

  /** Which paths were called, and how many events they are to have left, by action. */
  const called = new Set<string>()
  const expected = new Map<string, number>()

  async function act(
    action: string,
    method: string,
    pattern: string,
    values: object = {},
    body?: unknown,
  ): Promise<Reply['body']> {
    called.add(`${method} ${pattern}`)
    expected.set(action, (expected.get(action) ?? 0) + 1)
    const path = Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), pattern)
    const reply = await idp.manage(method, path, body, audit.bearer)
    assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
    return reply.body
  }

  async function administerAgents(): Promise<void> {
    const one = '/api/v1/agents/{agentId}'
    const { agentId } = await act('agent.created', 'POST', '/api/v1/agents', {}, { name: 'one' })
    await act('agent.updated', 'PATCH', one, { agentId }, { name: 'other' })
    await act('agent.suspended', 'POST', `${one}/suspend`, { agentId })
    await act('agent.reactivated', 'POST', `${one}/reactivate`, { agentId })
    const first = await act('credential.generated', 'POST', `${one}/credentials`, { agentId })
    const second = await act('credential.generated', 'POST', `${one}/credentials`, { agentId })
    const path = `${one}/credentials/{credentialId}`
    await act('credential.rotated', 'POST', `${path}/rotate`, { agentId, ...first })
    await act('credential.revoked', 'POST', `${path}/revoke`, { agentId, ...first }, { reason: 'leaked' })
    await act('credential.revoked', 'DELETE', path, { agentId, ...second })
    await act('agent.decommissioned', 'POST', `${one}/decommission`, { agentId })
    const another = await act('agent.created', 'POST', '/api/v1/agents', {}, { name: 'another' })
    await act('agent.decommissioned', 'DELETE', one, another)
  }

  async function administerAccounts(): Promise<void> {
    const one = '/api/v1/accounts/{accountId}'
    const { accountId } = await act('account.created', 'POST', '/api/v1/accounts', {}, { username: 'ann' })
    await act('account.updated', 'PATCH', one, { accountId }, { name: 'Ann' })
    await act('account.password_changed', 'PATCH', one, { accountId }, { password: 'correct horse battery' })
    await act('account.disabled', 'POST', `${one}/disable`, { accountId })
    await act('account.enabled', 'PATCH', one, { accountId }, { status: 'active' })
  }

  async function administerRegistrations(): Promise<void> {
    const path = '/api/clients/{clientId}/jwks'
    const asked = { label: 'two', max_usages: 2 }
    const { id, token: iat } = await act(
      'initial_access_token.created',
      'POST',
      '/api/admin/dcr/initial-access-tokens',
      {},
      asked,
    )
    const { clientId } = await registerClient(idp, { iat })
    await act('client.updated', 'POST', path, { clientId }, newKey().jwk)
    await act('client.updated', 'PUT', path, { clientId }, { keys: [newKey().jwk] })
    const bySecret = { iat, profile: 'code-flow-secret', redirect_uris: ['https://client.example/back'] }
    const { clientId: other } = await registerClient(idp, bySecret)
    const one = '/api/admin/dcr/clients/{clientId}'
    await act('credential.rotated', 'POST', `${one}/secret`, { clientId: other })
    await act('registration_token.issued', 'POST', `${one}/tokens`, { clientId })
    await act('client.deleted', 'DELETE', one, { clientId })
    await act('initial_access_token.revoked', 'DELETE', '/api/admin/dcr/initial-access-tokens/{tokenId}', {
      tokenId: id,
    })
  }

  async function administerWebhooks(): Promise<void> {
    const all = '/api/v1/webhooks'
    const one = `${all}/{webhookId}`
    const wanted = { name: 'one', url: 'https://1.1.1.1/', events: ['login.failed'] }
    const { id: webhookId } = await act('webhook.created', 'POST', all, {}, wanted)
    await act('webhook.updated', 'PATCH', one, { webhookId }, { name: 'other' })
    await act('webhook.paused', 'POST', `${one}/pause`, { webhookId })
    await act('webhook.secret_rotated', 'POST', `${one}/rotate-secret`, { webhookId })
    await act('webhook.secret_confirmed', 'POST', `${one}/confirm-secret`, { webhookId })
    const deliveryId = randomUUID()
    const delivery = {
      delivery_id: deliveryId,
      webhook_id: webhookId,
      seq: 1,
      action: 'x',
      status: 'dead_letter',
    } as const
    await estate.db.insertInto('webhook_deliveries').values(delivery).execute()
    await act('webhook.redelivered', 'POST', `${one}/deliveries/{deliveryId}/redeliver`, { webhookId, deliveryId })
    await act('webhook.redelivered', 'POST', `${one}/redeliver`, { webhookId })
    await act('webhook.deleted', 'DELETE', one, { webhookId })
  }

  async function administerKeyrings(): Promise<void> {
    const path = '/api/v1/keyrings/{name}'
    const name = 'signing-rs256'
    const shown = async () => (await audit.get(`/api/v1/keyrings/${name}`)).body
    const idOf = (keyring: { versions: { id: string; state: string }[] }, state: string) =>
      keyring.versions.find((version) => version.state === state)?.id
    const ready = () => eventually(shown, (keyring) => idOf(keyring, 'prepared') !== undefined && !keyring.rotation)
    const prepared = await act('keyring.prepared', 'POST', `${path}/prepare`, { name })
    await act('keyring.discarded', 'POST', `${path}/discard`, { name }, { id: idOf(prepared, 'prepared') })
    await ready()
    await act('keyring.rotation_requested', 'POST', `${path}/rotate`, { name }, { force: true })
    await ready()
    await act('keyring.rolled_back', 'POST', `${path}/rollback`, { name })
    const id = idOf(await ready(), 'active')
    await act('keyring.revocation_requested', 'POST', `${path}/revoke`, { name }, { id, reason: 'drill' })
    await act('issuance.requested', 'PUT', '/api/v1/issuance', {}, { keyring: name, force: true })
  }

  async function administerColumns(): Promise<void> {
    const path = '/api/v1/columns'
    const rotate = '/api/v1/keyrings/{name}/rotate'
    await act('keyring.rotation_requested', 'POST', rotate, { name: 'columns' }, {})
    const escrow = async () => (await audit.get(`${path}/escrow`)).body.keys
    const [{ version }] = await eventually(escrow, (keys) => keys.length > 0)
    const reason = 'a backup of spring'
    await act('columns.escrow_taken_out', 'POST', `${path}/escrow/{version}/take-out`, { version }, { reason })
    await act('columns.reencryption_paused', 'POST', `${path}/pause`)
    await act('columns.reencryption_requested', 'POST', `${path}/reencrypt`)
    await act('columns.forms_closed', 'POST', `${path}/close-legacy`)
  }

  async function administerTrust(): Promise<void> {
    const process = apiProcess(idp, { instance: 'one' })
    await process.catchUp()
    await act('verifier.registered', 'POST', '/api/v1/verifiers', {}, { name: 'another' })
    await act('verifier.forgotten', 'DELETE', '/api/v1/verifiers/{id}', { id: process.id })
    const entries = [{ jti: 'one' }]
    await act('denied.added', 'POST', '/api/v1/denied', {}, { entries })
    await act('denied.dropped', 'DELETE', '/api/v1/denied', {}, { entries })
  }

  async function workOnAnIncident(): Promise<void> {
    const one = '/api/v1/incidents/{incident}'
    const incident = 'INC-1'
    const { versions } = (await audit.get('/api/v1/keyrings/signing-es256')).body
    const about = { incident, kid: versions[0].id, reason: 'drill', sessions: [{ sub: 'x' }], run: false }
    await act('incident.opened', 'POST', '/api/v1/incidents', {}, about)
    await act('incident.frozen', 'POST', `${one}/freeze`, { incident })
    await idp.manage('POST', `/api/v1/incidents/${incident}/claim`, { runner: 'ann', seconds: 15 }, audit.bearer)
    const step = { runner: 'ann', state: 'running' }
    await act('incident.step', 'PUT', `${one}/steps/{step}`, { incident, step: 'guard' }, step)
    await act('incident.probe_minted', 'POST', `${one}/probes`, { incident }, { kind: 'compromised' })
    await act('keyring.revocation_requested', 'POST', `${one}/promote`, { incident })
    await act('keyring.revoked', 'POST', `${one}/revoke`, { incident })
    await act('session.ended', 'POST', `${one}/sessions`, { incident })
    await act('incident.unfrozen', 'POST', `${one}/unfreeze`, { incident })
  }

  async function changeRegistrations(): Promise<void> {
    const { clientId, rat, path, metadata } = await registerClient(idp)
    const changes = [
      ['client.updated', 'PATCH', { client_name: 'one' }],
      ['client.updated', 'PUT', { client_id: clientId, jwks: metadata.jwks }],
      ['client.deleted', 'DELETE', undefined],
    ] as const
    const left = async (action: string, count: number) => (await audit.until({ action, actor: clientId }, count)).length
    for (const [action, method, body] of changes) {
      const before = await left(action, 0)
      assert.ok((await sendAs(idp, rat, method, path, body)).status < 300, method)
      assert.equal(await left(action, before + 1), before + 1)
      called.add(`${method} /api/oidc/register/{clientId}`)
    }
    called.add('POST /api/oidc/register')
  }

  async function administerTokens(): Promise<void> {
    const { body } = await idp.token(agent)
    const form = { method: 'POST', headers: { authorization: basic(agent) } }
    const revoked = await idp.call('/api/v1/token/revoke', {
      ...form,
      body: new URLSearchParams({ token: body.access_token }),
    })
    assert.equal(revoked.status, 200)
    called.add('POST /api/v1/token/revoke').add('POST /api/v1/token')
    assert.equal((await audit.until({ action: 'token.revoked', actor: agent.clientId })).length, 1)
    assert.equal((await audit.until({ action: 'token.issued', actor: admin.clientId })).length, 1)
  }

  test('leaves its event, and no act is left out here', async () => {
    // Ending an agent denies its tokens, which is an event as well: what is told of that comes first.
    for (const administer of [
      administerTrust,
      administerAgents,
      administerAccounts,
      administerRegistrations,
      workOnAnIncident,
      administerWebhooks,
      administerKeyrings,
      administerColumns,
    ]) {
      await administer()
      for (const [action, count] of expected) {
        const events = await audit.until({ action, actor: admin.clientId }, count)
        assert.ok(events.every(({ outcome }) => outcome === 'success'))
      }
    }
    await administerTokens()
    await changeRegistrations()
    const { body } = await audit.get('/api/v1/openapi.json')
    const acts = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => method !== 'get' && /^\/api\/(v1|admin|clients|oidc\/register)(\/|$)/.test(path))
        .map((method) => `${method.toUpperCase()} ${path}`),
    )
    assert.deepEqual(acts.toSorted(), [...called, ...leavesNothing].toSorted())
  })
})
