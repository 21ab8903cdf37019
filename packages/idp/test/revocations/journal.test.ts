import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Connection, connect, restoreBackup, takeBackup } from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import { sql } from 'kysely'
import { endedByRestore, migrations } from '../../src/migrations.ts'
import { revocationsJournal } from '../../src/revocations/journal.ts'
import { segmentsIn } from '../../src/revocations/segments.ts'
import type { IdpTables } from '../../src/tables.ts'

const keptMs = 30 * 86_400_000
let database: TestDatabase
let owner: Connection<IdpTables>
/** As an instance connects. */
let service: Connection<IdpTables>
let folder: string

const journalOf = (name = 'journal') =>
  revocationsJournal(service.db, segmentsIn(join(folder, name)), keptMs, (error) => {
    throw error
  })

async function run(...statements: string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(owner.db)
}

async function one(query: string): Promise<unknown> {
  const { rows } = await sql.raw<Record<string, unknown>>(query).execute(owner.db)
  return rows[0] && Object.values(rows[0])[0]
}

const keyring = (name: string, ...versions: [id: string, state: string][]) =>
  JSON.stringify({ name, revision: 1, versions: versions.map(([id, state]) => ({ id, state })) })

const incident = (name: string) =>
  `INSERT INTO incidents (incident, plan, steps, timeline, opened_by, frozen) VALUES ('${name}', '{}', '[]', '[]', 'x', true)`

const tokens = (id: string) =>
  `INSERT INTO registration_access_tokens VALUES (sha256('${id}'), 'client', '${id}', now(), now() + '1 day')`

/** What there is at the time of the backup, all of it good. */
const inBackup = [
  `INSERT INTO agents (agent_id, organization_id) SELECT unnest('{suspended,gone,back,owner,client}'::text[]), 'org'`,
  "UPDATE agents SET status = 'suspended' WHERE agent_id = 'back'",
  `INSERT INTO credentials (credential_id, agent_id, secret_hash, document) VALUES
    ('rotated', 'owner', 'x', '${keyring('credential/rotated', ['v1', 'active'])}'),
    ('overlapping', 'owner', 'x', '${keyring('credential/overlapping', ['o1', 'active'])}')`,
  "INSERT INTO credentials (credential_id, agent_id, secret_hash) VALUES ('plain', 'owner', 'plain')",
  `INSERT INTO accounts (account_id, organization_id, username, password_hash) VALUES
    ('disabled', 'org', 'disabled', 'old'), ('changed', 'org', 'changed', 'old'), ('out', 'org', 'out', 'old')`,
  `INSERT INTO denied (kind, value, ends_at, revision) VALUES ('jti', 'before', now() + '1 hour', 1)`,
  `INSERT INTO initial_access_tokens (token_id, token_hash, organization_id, label, max_usages, created_by, expires_at) VALUES
    ('revoked', 'a', 'org', 'x', 5, 'x', now() + '1 day'), ('used', 'b', 'org', 'x', 1, 'x', now() + '1 day')`,
  `INSERT INTO clients (client_id, profile, metadata) VALUES ('client', 'web', '{"jwks": {"keys": [{"kid": "a"}, {"kid": "b"}]}}'),
    ('gone', 'web', '{}')`,
  tokens('active'),
  "INSERT INTO verifiers (client_id, name, secret_hash) VALUES ('removed', 'r', 'x'), ('rotated', 's', 'old')",
  incident('over'),
  `INSERT INTO webhooks (webhook_id, organization_id, name, url, events, created_by, document) VALUES
    ('deleted', 'org', 'd', 'u', '{}', 'x', '${keyring('webhook/deleted', ['d1', 'active'])}'),
    ('rotated', 'org', 'r', 'u', '{}', 'x', '${keyring('webhook/rotated', ['w1', 'active'])}')`,
  "INSERT INTO webhook_secrets VALUES ('w1', 'rotated', 'x')",
  "INSERT INTO column_forms (form, state, by) VALUES ('plain', 'open', 'x')",
]

/** What is revoked, replaced and ended since. */
const sinceBackup = [
  "UPDATE agents SET status = 'suspended' WHERE agent_id = 'suspended'",
  "UPDATE agents SET status = 'decommissioned' WHERE agent_id = 'gone'",
  "UPDATE agents SET status = 'active' WHERE agent_id = 'back'",
  `UPDATE credentials SET document = '${keyring('credential/rotated', ['v1', 'retired'], ['v2', 'active'])}' WHERE credential_id = 'rotated'`,
  `UPDATE credentials SET document = '${keyring('credential/overlapping', ['o1', 'retiring'], ['o2', 'active'])}' WHERE credential_id = 'overlapping'`,
  "UPDATE credentials SET status = 'revoked' WHERE credential_id = 'plain'",
  "UPDATE accounts SET status = 'disabled' WHERE account_id = 'disabled'",
  "UPDATE accounts SET password_hash = 'new', password_changed_at = clock_timestamp() WHERE account_id = 'changed'",
  "UPDATE accounts SET logins_since = '2100-01-01' WHERE account_id = 'out'",
  `INSERT INTO denied (kind, value, ends_at, revision) VALUES ('jti', 'since', now() + '1 hour', 2), ('sub', 'lifted', now() + '1 hour', 2)`,
  "UPDATE denied SET dropped = true WHERE value = 'lifted'",
  "UPDATE initial_access_tokens SET revoked_at = now() WHERE token_id = 'revoked'",
  "UPDATE initial_access_tokens SET used = 1 WHERE token_id = 'used'",
  "UPDATE registration_access_tokens SET state = 'superseded'",
  `UPDATE clients SET metadata = '{"jwks": {"keys": [{"kid": "b"}, {"kid": "c"}]}}' WHERE client_id = 'client'`,
  "UPDATE clients SET deleted_at = now() WHERE client_id = 'gone'",
  "DELETE FROM verifiers WHERE client_id = 'removed'",
  "UPDATE verifiers SET secret_hash = 'new' WHERE client_id = 'rotated'",
  "UPDATE incidents SET frozen = false WHERE incident = 'over'",
  incident('open'),
  "DELETE FROM webhooks WHERE webhook_id = 'deleted'",
  `UPDATE webhooks SET document = '${keyring('webhook/rotated', ['w1', 'revoked'], ['w2', 'active'])}' WHERE webhook_id = 'rotated'`,
  "UPDATE column_forms SET state = 'closed'",
]

const restore = () =>
  restoreBackup(
    join(folder, 'backup'),
    [{ name: 'idp', ownerUrl: database.ownerUrl, sources: migrations, ended: endedByRestore }],
    {
      replace: true,
    },
  )

before(async () => {
  database = await testDatabase()
  owner = connect<IdpTables>(database.ownerUrl, { max: 4 })
  service = connect<IdpTables>(database.serviceUrl, { max: 2 })
  folder = await mkdtemp(join(tmpdir(), 'rekey-revocations-'))
  await run(...inBackup)
  await takeBackup(join(folder, 'backup'), [{ name: 'idp', ownerUrl: database.ownerUrl }], '1.0.0')
  const journal = journalOf()
  await journal.reconcile(1)
  for (const statement of sinceBackup) {
    await run(statement)
    await journal.follow()
  }
  await restore()
  assert.equal(
    await one("SELECT status FROM agents WHERE agent_id = 'suspended'"),
    'active',
    'the backup knows nothing',
  )
  await journalOf().reconcile(2)
})
after(async () => {
  await service.close()
  await owner.close()
  await database.drop()
  await rm(folder, { recursive: true })
})

const staysDead: [what: string, query: string, expected: unknown][] = [
  ['a suspended agent', "SELECT status FROM agents WHERE agent_id = 'suspended'", 'suspended'],
  ['a decommissioned agent', "SELECT status FROM agents WHERE agent_id = 'gone'", 'decommissioned'],
  [
    'the secret of a credential that was replaced',
    "SELECT status || coalesce(secret_hash::text, '-') || (document #>> '{versions,0,state}') FROM credentials WHERE credential_id = 'rotated'",
    'revoked-revoked',
  ],
  [
    'a revoked credential of an older release',
    "SELECT status FROM credentials WHERE credential_id = 'plain'",
    'revoked',
  ],
  ['a disabled account', "SELECT status FROM accounts WHERE account_id = 'disabled'", 'disabled'],
  ['a password that was changed', "SELECT password_hash = 'old' FROM accounts WHERE account_id = 'changed'", false],
  ['logins that were ended', "SELECT logins_since >= '2100-01-01' FROM accounts WHERE account_id = 'out'", true],
  ['a token that was denied', "SELECT dropped FROM denied WHERE value = 'since'", false],
  [
    'an initial access token that was revoked',
    "SELECT revoked_at IS NOT NULL FROM initial_access_tokens WHERE token_id = 'revoked'",
    true,
  ],
  ['an initial access token that was used up', "SELECT used FROM initial_access_tokens WHERE token_id = 'used'", 1],
  ['a registration access token that was replaced', 'SELECT state FROM registration_access_tokens', 'superseded'],
  ['a registration that was deleted', "SELECT deleted_at IS NOT NULL FROM clients WHERE client_id = 'gone'", true],
  [
    'a key that a client took out of its registration',
    "SELECT metadata::text FROM clients WHERE client_id = 'client'",
    '{"jwks": {"keys": [{"kid": "b"}]}}',
  ],
  ['the secret of a removed verifier', "SELECT count(*) FROM verifiers WHERE client_id = 'removed'", 0],
  ['a secret of a verifier that was replaced', "SELECT count(*) FROM verifiers WHERE client_id = 'rotated'", 0],
  ['a webhook that was deleted', "SELECT count(*) FROM webhooks WHERE webhook_id = 'deleted'", 0],
  [
    'the secret of a webhook that was revoked',
    "SELECT status || (document #>> '{versions,0,state}') || (SELECT count(*) FROM webhook_secrets) FROM webhooks WHERE webhook_id = 'rotated'",
    'disabledrevoked0',
  ],
  ['an older form of columns that was closed', 'SELECT state FROM column_forms', 'closing'],
]
for (const [what, query, expected] of staysDead) {
  test(`after a restore ${what} stays so`, async () => assert.equal(await one(query), expected))
}

test('an incident that was opened since the backup freezes administration again; one that was over does so as well until unfrozen', async () => {
  assert.equal(await one("SELECT frozen FROM incidents WHERE incident = 'open'"), true)
  assert.equal(await one("SELECT frozen FROM incidents WHERE incident = 'over'"), true)
})

test('what was good since is not made good again, and what still overlapped goes on', async () => {
  assert.equal(await one("SELECT status FROM agents WHERE agent_id = 'back'"), 'suspended')
  assert.equal(await one("SELECT count(*) FROM denied WHERE value = 'lifted'"), 0)
  assert.equal(await one("SELECT status FROM credentials WHERE credential_id = 'overlapping'"), 'active')
})

test('the audit tells what was applied, and instances read everything anew', async () => {
  const details = (await one("SELECT details FROM audit_events WHERE action = 'revocations.applied'")) as {
    lost: number
    changed: object
  }
  assert.ok(details.lost >= sinceBackup.length)
  assert.equal((details.changed as Record<string, number>)['credential-version'], 2)
  const [before, now] = [
    await one("SELECT (details ->> 'epoch')::bigint FROM audit_events WHERE action = 'database.restored'"),
    await one('SELECT epoch FROM revision'),
  ]
  assert.ok(Number(now) > Number(before))
})

test('to apply the journal again changes nothing, and begins no epoch', async () => {
  const epoch = await one('SELECT epoch FROM revision')
  await journalOf().reconcile(3)
  assert.equal(await one('SELECT epoch FROM revision'), epoch)
  assert.equal(await one("SELECT count(*) FROM audit_events WHERE action = 'revocations.applied'"), 1)
})

test('the journal of another machine gets what it had missed', async () => {
  await journalOf('other').reconcile(1)
  await restore()
  await journalOf('other').reconcile(2)
  assert.equal(await one("SELECT status FROM agents WHERE agent_id = 'gone'"), 'decommissioned')
})

test('a line that a crash cut short is passed over, a damaged one is refused', async () => {
  const [name = ''] = await readdir(join(folder, 'other'))
  await appendFile(join(folder, 'other', name), '{"id":"cut')
  await journalOf('other').reconcile(4)
  await appendFile(join(folder, 'other', name), '\n{"id":"changed"}\n')
  await assert.rejects(journalOf('other').reconcile(5), { code: 'JOURNAL_FAILED' })
})

test('days that no backup is as old as are removed, and bring nothing back', async () => {
  const old = {
    id: crypto.randomUUID(),
    at: Date.parse('2020-01-01'),
    kind: 'agent',
    key: 'owner',
    state: { status: 'suspended' },
  }
  await writeFile(join(folder, 'journal', '2020-01-01.jsonl'), `${JSON.stringify(old)}\n`)
  await journalOf().reconcile(6)
  assert.equal(await one("SELECT status FROM agents WHERE agent_id = 'owner'"), 'active')
  assert.ok(!(await readdir(join(folder, 'journal'))).includes('2020-01-01.jsonl'))
})
