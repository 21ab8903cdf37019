import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import type { RestoreTarget } from '../../src/backup/restore.ts'
import { type Connection, connect } from '../../src/connection/connect.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { workspaceMigrations } from '../../src/testing/sources.ts'

/** A database with something in it, another one to restore into, and a folder for files. */
export interface Estate {
  from: TestDatabase
  to: TestDatabase
  owner: Connection<DatabaseTables>
  path(name: string): string
  target(database?: TestDatabase): RestoreTarget
  close(): Promise<void>
}

export async function openEstate(): Promise<Estate> {
  const [from, to] = [await testDatabase(), await testDatabase()]
  const folder = await mkdtemp(join(tmpdir(), 'rekey-backup-'))
  const owner = connect<DatabaseTables>(from.ownerUrl, { max: 4 })
  await fill(owner)
  return {
    ...{ from, to, owner },
    path: (name) => join(folder, name),
    target: (database = to) => ({
      name: 'idp',
      ownerUrl: database.ownerUrl,
      sources: workspaceMigrations(),
      ended: ['opaque_tokens'],
    }),
    close: async () => {
      await owner.close()
      await from.drop()
      await to.drop()
      await rm(folder, { recursive: true })
    },
  }
}

/** Texts that COPY has to escape, numbers that a sequence drew, rows that refer to others, and what is sealed. */
async function fill({ db }: Connection<DatabaseTables>): Promise<void> {
  await sql`INSERT INTO agents (agent_id, organization_id, name, capabilities)
    SELECT 'agent-' || n, 'org', E'tab\there\nand \\ "line" ' || n, ARRAY['a', NULL, 'b,c'] FROM generate_series(1, 2000) AS n`.execute(
    db,
  )
  await sql`INSERT INTO opaque_tokens (token_hash, agent_id, scope, expires_at)
    SELECT sha256(agent_id::bytea), agent_id, 'x', now() + '1 hour' FROM agents`.execute(db)
  await sql`INSERT INTO credentials (credential_id, agent_id, secret_hash) SELECT 'credential-' || agent_id, agent_id, 'x' FROM agents`.execute(
    db,
  )
  await sql`INSERT INTO audit_events (action, outcome, actor, details)
    SELECT 'agent.created', 'success', 'test', jsonb_build_object('n', n) FROM generate_series(1, 500) AS n`.execute(db)
  await sql`INSERT INTO keyrings (name, kind, revision, published_revision, document)
    VALUES ('signing', 'signing-key', 1, 1, '{"versions": [{"id": "v", "sealedPrivate": "s1.0123456789ab.iv.text"}]}')`.execute(
    db,
  )
  await sql`INSERT INTO root_keys (id) VALUES ('0123456789ab')`.execute(db)
  await sql`UPDATE revision SET n = 41, epoch = epoch - 100`.execute(db)
}

/** Every table as text, but for those whose rows a backup leaves out or ends. */
export async function dump(url: string): Promise<Record<string, string>> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query(`SELECT relname::text AS name FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> ALL ('{migrations,service_roles,service_limits,instances,opaque_tokens}')`)
    const texts: Record<string, string> = {}
    for (const { name } of rows) {
      const found = await client.query(
        `SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') AS text FROM ${name} AS t`,
      )
      texts[name] = found.rows[0].text
    }
    return texts
  } finally {
    await client.end()
  }
}

export async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
