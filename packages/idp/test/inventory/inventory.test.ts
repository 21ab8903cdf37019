import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { addClient } from '../audit/reading.ts'
import { settingOf } from '../credentials/setting.ts'

const path = '/api/v1/inventory'
const dayMs = 86_400_000

interface Entry {
  name: string
  kind: string
  owner: string
  management: string
  age: string | null
  nextRotation: string
  rotateEvery?: string
  overdueSince?: string
  environment?: string
}

describe('the inventory', { timeout: 60_000 }, () => {
  const declared: { folder: string; file: string } = { folder: '', file: '' }
  const environment: Record<string, string> = {
    VAULT_TOKEN: 'hvs.of-no-use-here',
    INTERNAL_JWKS_REFRESH_TOKEN: 'r'.repeat(40),
  }
  before(async () => {
    declared.folder = await mkdtemp(join(tmpdir(), 'rekey-inventory-'))
    declared.file = join(declared.folder, 'inventory.yaml')
    await writeFile(
      declared.file,
      `secrets:
  - { name: smtp, owner: team-mail, rotatedAt: 2020-01-01, rotateEvery: 365d, description: of the relay }
  - { name: VAULT_TOKEN, owner: team-platform, rotatedAt: ${new Date().toISOString()}, rotateEvery: 30d }
`,
    )
    environment.REKEY_INVENTORY = declared.file
  })
  after(() => rm(declared.folder, { recursive: true }))
  const setting = settingOf(1, environment)
  const manage = (...call: Parameters<ReturnType<typeof setting.idp>['manage']>) => setting.idp().manage(...call)
  const entries = async (query = 'limit=200'): Promise<Entry[]> =>
    (await manage('GET', `${path}?${query}`)).body.secrets
  const named = async (name: string) => (await entries()).find((each) => each.name === name) as Entry

  async function created(at: string, body: object) {
    const reply = await manage('POST', at, body)
    assert.equal(reply.status, 201, JSON.stringify(reply.body))
    return reply.body
  }

  test('has the keyrings, the root key and what is derived of it', async () => {
    const signing = await named('signing-es256')
    assert.deepEqual(
      [signing.kind, signing.owner, signing.management, signing.rotateEvery],
      ['signing-key', 'identity provider', 'rekey', '90d'],
    )
    assert.ok(Math.abs(Date.parse(signing.nextRotation) - Date.now() - 90 * dayMs) < 60_000)
    assert.match(signing.age ?? '', /^\d+s$/)
    const all = await entries()
    assert.deepEqual(
      all.filter(({ kind }) => kind === 'derived-key').map(({ name, nextRotation }) => [name, nextRotation]),
      [
        ['audit-signer', 'unmanaged'],
        ['cookie-keys', 'unmanaged'],
      ],
    )
    assert.deepEqual(
      all.filter(({ kind }) => kind === 'root-key').map(({ management, age }) => [management, age !== null]),
      [['unmanaged', true]],
    )
    const columns = all.find(({ kind }) => kind === 'encryption-key')
    if (columns) assert.equal(columns.rotateEvery, '365d')
  })

  test('has credentials by the schedule of what their agents are, each with its owner', async () => {
    const production = await setting.credential({}, { owner: 'team-search' })
    const staging = await setting.credential({}, { deploymentEnv: 'staging', name: 'crawler' })
    const service = await setting.credential({}, { agentType: 'service account' })
    const intervals = await Promise.all(
      [production, staging, service].map(async ({ credentialId }) => {
        const { rotateEvery, environment, kind, owner } = await named(credentialId)
        return [rotateEvery, environment, kind, owner]
      }),
    )
    assert.deepEqual(intervals.slice(0, 2), [
      ['90d', 'production', 'client-secret', 'team-search'],
      ['180d', 'staging', 'client-secret', 'crawler'],
    ])
    assert.deepEqual(intervals[2]?.slice(0, 2), ['365d', 'service_account'])
  })

  test('names what stands in variables, and that nobody manages it; no secret is in it', async () => {
    const reply = await manage('GET', `${path}?limit=200`)
    const refresh = reply.body.secrets.find(({ name }: Entry) => name === 'INTERNAL_JWKS_REFRESH_TOKEN')
    assert.deepEqual(refresh, {
      name: 'INTERNAL_JWKS_REFRESH_TOKEN',
      kind: 'refresh-token',
      owner: 'identity provider',
      management: 'unmanaged',
      age: null,
      nextRotation: 'unmanaged',
    })
    assert.doesNotMatch(JSON.stringify(reply.body), /rrrrrrrr|of-no-use-here/)
  })

  test('has what a file declares, also of a variable, and marks what is overdue', async () => {
    const smtp = await named('smtp')
    assert.deepEqual([smtp.kind, smtp.owner, smtp.management], ['declared', 'team-mail', 'declared'])
    assert.equal(smtp.overdueSince, '2020-12-31T00:00:00.000Z')
    assert.equal(smtp.nextRotation, smtp.overdueSince)
    const vault = await named('VAULT_TOKEN')
    assert.deepEqual([vault.kind, vault.owner, vault.management], ['vault-token', 'team-platform', 'declared'])
    assert.ok(Date.parse(vault.nextRotation) > Date.now() + 29 * dayMs)
  })

  test('has the secrets of webhooks, which are rotated when their owner wants it', async () => {
    const { webhookId, id } = await created('/api/v1/webhooks', {
      name: 'billing',
      url: 'https://hooks.example.com/rekey',
      events: ['credential.rotated'],
    })
    const { kind, owner, management, nextRotation, age } = await named(webhookId ?? id)
    assert.deepEqual([kind, owner, management, nextRotation], ['webhook-secret', 'billing', 'unmanaged', 'unmanaged'])
    assert.match(age ?? '', /^\d+s$/)
  })

  test('has verifiers, and tokens by which clients register until they end', async () => {
    const { db } = setting.estate()
    await sql`INSERT INTO verifiers (client_id, name, secret_hash) VALUES ('v-1', 'the gateway', '\\x00')`.execute(db)
    const verifier = await named('v-1')
    assert.deepEqual([verifier.kind, verifier.owner, verifier.rotateEvery], ['verifier-secret', 'the gateway', '365d'])
    const label = { label: 'ci', expires_in: 3_600, max_usages: 2 }
    const { expires_at } = await created('/api/admin/dcr/initial-access-tokens', label)
    const [token] = (await entries()).filter(({ kind }) => kind === 'initial-access-token')
    assert.equal(Date.parse(token?.nextRotation ?? ''), Date.parse(expires_at))
    assert.equal(token?.management, 'rekey')
  })

  test('of another organization is seen by that alone, and nothing of the estate with it', async () => {
    const tenant = { clientId: 'tenant-1', clientSecret: `sk_live_${'e'.repeat(64)}`, organizationId: 'acme' }
    await addClient(setting.estate(), tenant, ['agents:read', 'agents:write', 'keyrings:read'])
    const bearer = await setting.idp().management(tenant)
    const { body } = await manage('GET', path, undefined, bearer)
    assert.deepEqual(
      body.secrets.map(({ kind, owner }: Entry) => [kind, owner]),
      [['client-secret', 'tenant-1']],
    )
    assert.deepEqual([body.totals.secrets, body.otherOrganizations], [1, undefined])
    const ours = (await manage('GET', `${path}?limit=200`)).body
    assert.ok(!ours.secrets.some(({ owner }: Entry) => owner === 'tenant-1'))
    assert.deepEqual(ours.otherOrganizations, { secrets: 1, overdue: 0 })
  })

  test('has the credentials of ours alone for whoever may not see the keyrings', async () => {
    const { token } = setting.idp()
    const { body: credential } = await manage('POST', '/api/v1/agents', { name: 'reader', scopes: ['agents:read'] })
    const secret = await manage('POST', `/api/v1/agents/${credential.agentId}/credentials`, {})
    const bearer = (await token(secret.body, { scope: 'agents:read' })).body.access_token
    const { body } = await manage('GET', `${path}?limit=200`, undefined, bearer)
    const ofEstate = /key$|^verifier|password|vault|refresh-token|declared/
    assert.deepEqual(
      body.secrets.filter(({ kind }: Entry) => ofEstate.test(kind) && kind !== 'client-key'),
      [],
    )
    assert.ok(body.totals.secrets > 1)
  })

  test('is read a page at a time, with right totals on each of them', async () => {
    for (let made = 0; made < 5; made += 1) await setting.credential()
    const whole = (await manage('GET', `${path}?limit=200`)).body
    assert.equal(whole.totals.secrets, whole.secrets.length)
    const seen: Entry[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: { body: typeof whole } = await manage('GET', `${path}?limit=2${cursor && `&cursor=${cursor}`}`)
      assert.deepEqual(body.totals, whole.totals)
      seen.push(...body.secrets)
      cursor = body.nextCursor
    }
    const namesOf = (all: readonly Entry[]) => all.map(({ kind, name }) => `${kind} ${name}`)
    assert.deepEqual(namesOf(seen), namesOf(whole.secrets))
    assert.equal((await manage('GET', `${path}?cursor=nonsense`)).status, 400)
  })

  test('marks a credential that should have been rotated, and no revoked one is in it', async () => {
    const [late, gone] = [await setting.credential(), await setting.credential()]
    const { db } = setting.estate()
    await sql`UPDATE credentials SET rotated_at = now() - interval '91 days' WHERE credential_id = ${late.credentialId}`.execute(
      db,
    )
    await manage('DELETE', `/api/v1/agents/${gone.clientId}/credentials/${gone.credentialId}`)
    const found = await named(late.credentialId)
    assert.equal(found.age, '91d')
    assert.ok(found.overdueSince)
    assert.equal(await named(gone.credentialId), undefined)
    const { totals } = (await manage('GET', path)).body
    assert.equal(totals.overdue, 2, 'this one, and what was declared')
  })

  test('is told by metrics', async () => {
    const fresh = await setting.estate().instance()
    const text: string = (await fresh.call('/metrics')).body
    await fresh.close()
    assert.match(text, /^rekey_inventory_secrets\{kind="client-secret",managed="rekey"\} \d+$/m)
    assert.match(text, /^rekey_inventory_secrets\{kind="refresh-token",managed="unmanaged"\} 1$/m)
    assert.match(text, /^rekey_inventory_declared_overdue_seconds\{secret="VAULT_TOKEN"\} 0$/m)
    assert.match(text, /^rekey_inventory_declared_age_seconds\{secret="smtp"\} \d{9}/m)
  })

  test('tells of a file that became wrong, and goes by what it said before', async () => {
    await writeFile(declared.file, 'secrets:\n  - name: smtp\n    rotateEvery: often\n')
    const { body } = await manage('GET', `${path}?limit=200`)
    assert.match(
      body.problem,
      /^the declared secrets are wrong:\ninventory\.yaml:2: secrets\[0\]\.owner: missing, expected a text$/m,
    )
    assert.match(body.problem, /inventory\.yaml:3: secrets\[0\]\.rotateEvery: expected a duration above 0/)
    assert.ok(body.secrets.some(({ name }: Entry) => name === 'smtp'))
    await writeFile(declared.file, 'secrets: []\n')
    const mended = (await manage('GET', `${path}?limit=200`)).body
    assert.equal(mended.problem, undefined)
    assert.ok(!mended.secrets.some(({ name }: Entry) => name === 'smtp'))
  })
})
