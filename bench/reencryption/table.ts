import { randomBytes } from 'node:crypto'
import { type ColumnKey, type ColumnKeys, columnCipher, connect, type EncryptedColumn } from '@rekey/database'
import { encryptionKeyId } from '@rekey/keyring'

/** A table of its own with one encrypted column. */
export interface Table {
  readonly name: string
  readonly column: EncryptedColumn
  readonly ids: readonly string[]
}

const TEXT = 'somebody.with.a.usual.name@example.org'

export function newKey(): ColumnKey {
  const key = randomBytes(32)
  return { id: encryptionKeyId('columns', key), key }
}

export function holding(keys: readonly ColumnKey[], sealing: ColumnKey): ColumnKeys {
  return { sealing, find: (id) => keys.find((key) => key.id === id)?.key }
}

/** Both keys may be written: which of them is the new one changes with every round. */
export async function admit(ownerUrl: string, keys: readonly ColumnKey[]): Promise<void> {
  const { pool, close } = connect(ownerUrl)
  const versions = keys.map(({ id }, i) => ({ id, state: i === 0 ? 'active' : 'retiring' }))
  await pool.query(
    `INSERT INTO keyrings (name, kind, revision, published_revision, document)
     VALUES ('bench', 'encryption-key', 1, 1, $1)`,
    [JSON.stringify({ versions })],
  )
  await close()
}

export async function makeTable(ownerUrl: string, name: string, rows: number, key: ColumnKey): Promise<Table> {
  const { pool, close } = connect(ownerUrl, { queryDeadlineMs: 600_000 })
  const column = { table: name, column: 'email', id: 'agent_id' }
  const ids = Array.from({ length: rows }, () => crypto.randomUUID()).sort()
  await pool.query(`CREATE TABLE ${name} (agent_id uuid PRIMARY KEY, name text NOT NULL, email text)`)
  await pool.query('SELECT encrypt_column($1, $2, $3)', [name, 'email', 'agent_id'])
  await pool.query(
    `INSERT INTO ${name} SELECT id, 'agent', email FROM unnest($1::uuid[], $2::text[]) AS given (id, email)`,
    [ids, sealAll({ name, column, ids }, key)],
  )
  await close()
  return { name, column, ids }
}

/** What the column says when this key made all of it, in the order of the ids. */
export function sealAll({ column, ids }: Table, key: ColumnKey): string[] {
  const cipher = columnCipher(holding([key], key))
  return ids.map((id) => cipher.seal(column, id, TEXT))
}

/** Every round begins alike: nothing is left of what the one before wrote over. */
export async function tidy(ownerUrl: string, { name }: Table): Promise<void> {
  const { pool, close } = connect(ownerUrl, { queryDeadlineMs: 600_000 })
  await pool.query(`VACUUM (FULL, ANALYZE) ${name}`)
  await pool.query('CHECKPOINT').catch((error) => {
    if (error.code !== '42501') throw error
  })
  await close()
}
