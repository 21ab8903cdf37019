import { type ColumnCount, columnForms, countValues, type LegacyForms, openForm } from '@rekey/database'
import type { Keyring } from '@rekey/keyring'
import { legacyForms as allForms, type ColumnSettings, type LegacyForm } from '../config/columns.ts'
import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import { isOlderLive } from './ensure.ts'
import { columnsKeyring, encryptedColumns } from './list.ts'
import type { ColumnSources } from './sources.ts'

/** The older forms that an instance reads: those that its settings admit, until they are closed for good. */
export interface LegacyReading {
  /** Before the keyring has begun nothing is encrypted, and all is plain. */
  forms(document: Keyring | undefined): LegacyForms
  /** Finds out what was closed since. Asks the database nothing where nothing is admitted. */
  look(): Promise<void>
}

export function legacyReading(
  db: IdpDatabase,
  { admitted }: Pick<ColumnSettings, 'admitted'>,
  { legacyKeys }: Pick<ColumnSources, 'legacyKeys'>,
): LegacyReading {
  let read = admitted
  return {
    forms(document) {
      const plain = read.includes('plain') || !document
      return read.includes('cbc') && legacyKeys ? { plain, cbcKeys: legacyKeys.all() } : { plain }
    },
    async look() {
      if (admitted.length === 0) return
      const closed = await closedAmong(db, admitted)
      read = admitted.filter((form) => !closed.includes(form))
    },
  }
}

/**
 * Refuses to go on where values lie in an older form that is not admitted by name, or where one is admitted that was closed for
 * good. What is admitted is written down: the database refuses every other form.
 *
 * @throws IdpError `LEGACY_VALUES`, `LEGACY_CLOSED`, `CONFIG_INVALID`
 */
export async function requireAdmitted(
  db: IdpDatabase,
  { admitted }: Pick<ColumnSettings, 'admitted'>,
  { legacyKeys }: Pick<ColumnSources, 'legacyKeys'>,
): Promise<void> {
  await requireOpen(db, admitted)
  if (admitted.includes('cbc')) {
    if (!legacyKeys)
      throw new IdpError('CONFIG_INVALID', 'REKEY_ADMIT_LEGACY_COLUMNS=cbc needs REKEY_LEGACY_COLUMN_KEY')
    await legacyKeys.read()
  }
  const refused = allForms.filter((form) => !admitted.includes(form))
  const counts = await countValues(db, encryptedColumns)
  const left = counts.filter(({ version }) => refused.includes(version as LegacyForm))
  if (left.length > 0) throw legacyValues(left)
  if (refused.includes('plain') && !(await hasBegun(db)) && (await isOlderLive(db))) {
    throw new IdpError(
      'LEGACY_VALUES',
      'an instance is live of a release that writes plain values into columns that are to be encrypted: ' +
        'start with REKEY_ADMIT_LEGACY_COLUMNS=plain until all are replaced and "rekey reencrypt --close-legacy" is done',
    )
  }
  for (const form of admitted) await openForm(db, form, 'rekey')
}

async function requireOpen(db: IdpDatabase, admitted: readonly LegacyForm[]): Promise<void> {
  const closed = await closedAmong(db, admitted)
  if (closed.length === 0) return
  throw new IdpError(
    'LEGACY_CLOSED',
    `REKEY_ADMIT_LEGACY_COLUMNS admits ${closed.join(', ')}, which was closed for good: leave it out`,
    { facts: { forms: closed } },
  )
}

async function closedAmong(db: IdpDatabase, admitted: readonly LegacyForm[]): Promise<LegacyForm[]> {
  const forms = await columnForms(db)
  return admitted.filter((form) => forms.some((known) => known.form === form && known.state === 'closed'))
}

async function hasBegun(db: IdpDatabase): Promise<boolean> {
  const row = await db.selectFrom('keyrings').select('name').where('name', '=', columnsKeyring).executeTakeFirst()
  return row !== undefined
}

function legacyValues(left: readonly ColumnCount[]): IdpError {
  const told = left.map(({ table, column, version, count }) => `${count} ${version} in ${table}.${column}`).join(', ')
  const forms = [...new Set(left.map(({ version }) => version))].join(',')
  return new IdpError(
    'LEGACY_VALUES',
    `values lie in columns in a form that is not admitted: ${told}. Start with REKEY_ADMIT_LEGACY_COLUMNS=${forms}` +
      `${forms.includes('cbc') ? ', and their keys in REKEY_LEGACY_COLUMN_KEY' : ''}: they are ` +
      'read and encrypted anew. When none is left, "rekey reencrypt --close-legacy" ends that for good',
    { facts: { left } },
  )
}
