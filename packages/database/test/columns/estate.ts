import { randomBytes } from 'node:crypto'
import { encryptionKeyId } from '@rekey/keyring'
import { type Kysely, sql } from 'kysely'
import type { ColumnKey, ColumnKeys, EncryptedColumn } from '../../src/columns/column.ts'
import { type Connection, connect } from '../../src/connection/connect.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'

export const notes: EncryptedColumn = { table: 'notes', column: 'body', id: 'note_id' }

/** A database with a table of notes, one column of which is encrypted. */
export interface Estate {
  database: TestDatabase
  /** As a service connects: it owns no table. */
  service: Connection<DatabaseTables>
  owner: Connection<DatabaseTables>
  /** As it was opened: without rows, versions and forms. */
  empty(): Promise<void>
  close(): Promise<void>
}

export async function openEstate(): Promise<Estate> {
  const database = await testDatabase()
  const owner = connect<DatabaseTables>(database.ownerUrl, { max: 2, queryDeadlineMs: 60_000 })
  const service = connect<DatabaseTables>(database.serviceUrl, { max: 8 })
  await sql`CREATE TABLE notes (note_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body text, writes integer NOT NULL DEFAULT 0)`.execute(
    owner.db,
  )
  await sql`SELECT encrypt_column('notes', 'body', 'note_id')`.execute(owner.db)
  return {
    database,
    service,
    owner,
    async empty() {
      await sql`TRUNCATE notes, keyrings, column_versions, column_forms, column_sweeps`.execute(owner.db)
    },
    close: async () => {
      await service.close()
      await owner.close()
      await database.drop()
    },
  }
}

export function newKey(): ColumnKey {
  const key = randomBytes(32)
  return { id: encryptionKeyId('columns', key), key }
}

/** Keys as an instance holds them. */
export class HeldKeys implements ColumnKeys {
  sealing: ColumnKey | undefined
  readonly held: Map<string, Uint8Array>

  constructor(...keys: ColumnKey[]) {
    this.held = new Map(keys.map(({ id, key }) => [id, key]))
    this.sealing = keys.at(-1)
  }

  find(id: string): Uint8Array | undefined {
    return this.held.get(id)
  }
}

/** Writes the document of the keyring, as far as the columns follow it: which versions it has, in which states. */
export async function writeVersions(
  db: Kysely<DatabaseTables>,
  versions: readonly { id: string; state: string; demotedAt?: number }[],
): Promise<void> {
  await sql`
    INSERT INTO keyrings (name, kind, revision, published_revision, document)
    VALUES ('columns', 'encryption-key', 1, 1, ${JSON.stringify({ versions })}::jsonb)
    ON CONFLICT (name) DO UPDATE SET document = EXCLUDED.document`.execute(db)
}

export const active = ({ id }: ColumnKey) => ({ id, state: 'active' })
export const replaced = ({ id }: ColumnKey) => ({ id, state: 'retiring' })
export const demoted = ({ id }: ColumnKey) => ({ id, state: 'retiring', demotedAt: 1 })

/** @returns the ids of the rows */
export async function insertNotes(
  db: Kysely<DatabaseTables>,
  bodies: (string | ((id: string) => string))[],
): Promise<string[]> {
  const ids = bodies.map(() => crypto.randomUUID())
  const values = bodies.map((body, i) => (typeof body === 'string' ? body : body(ids[i] ?? '')))
  await sql`INSERT INTO notes (note_id, body) SELECT * FROM unnest(${ids}::uuid[], ${values}::text[])`.execute(db)
  return ids
}

export async function bodiesOf(db: Kysely<DatabaseTables>): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; body: string }>`
    SELECT note_id AS id, body FROM notes WHERE body IS NOT NULL`.execute(db)
  return new Map(rows.map(({ id, body }) => [id, body]))
}
