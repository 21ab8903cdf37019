/** Whether an instance has the keys that its database needs. */
import { countValues } from '@rekey/database'
import { activeVersion, isAccepted, type KeyringStore } from '@rekey/keyring'
import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import type { HeldColumnKeys } from './held.ts'
import { columnsKeyring, encryptedColumns } from './list.ts'
import type { ColumnKeySource } from './source.ts'

/** Whoever had a source and has none any more would be left unable to read. */
export async function requireSource(store: KeyringStore, source: ColumnKeySource | undefined): Promise<void> {
  if (source) return
  const document = await store.load(columnsKeyring)
  const active = document && activeVersion(document)
  if (!active?.isGiven) return
  throw new IdpError(
    'COLUMN_KEY_WRONG',
    `the columns of this database are encrypted by ${active.id}, which came from a source: name it (REKEY_COLUMN_KEY)`,
    { facts: { lacks: active.id } },
  )
}

/** Whoever was started with less of the source than others would refuse what they serve. */
export async function requireReadable(db: IdpDatabase, held: HeldColumnKeys): Promise<void> {
  const accepted = new Set((held.document()?.versions ?? []).filter(isAccepted).map(({ id }) => id))
  const lacking = [...accepted].filter((id) => held.find(id) === undefined)
  if (lacking.length === 0) return
  const needed = (await countValues(db, encryptedColumns)).filter(({ version }) => lacking.includes(version))
  if (needed.length === 0) return
  const told = needed
    .map(({ table, column, version, count }) => `${count} in ${table}.${column} by ${version}`)
    .join(', ')
  throw new IdpError('COLUMN_KEY_WRONG', `values are encrypted by keys that the source does not have: ${told}`, {
    facts: { needed },
  })
}
