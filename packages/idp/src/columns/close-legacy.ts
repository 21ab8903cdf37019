import { setTimeout as delay } from 'node:timers/promises'
import { closeForm, countValues, DatabaseError, recordEvent } from '@rekey/database'
import { type LegacyForm, legacyForms } from '../config/columns.ts'
import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import { encryptedColumns } from './list.ts'

const recheckMs = 100
/** Whoever writes at this moment is done within 3 s, or is ended. */
const mostTries = 40

/**
 * Closes the older forms of values for good.
 *
 * @throws IdpError `LEGACY_VALUES` while there are any
 */
export async function closeLegacyForms(db: IdpDatabase, by: string): Promise<void> {
  const counts = await countValues(db, encryptedColumns)
  const left = counts.filter(({ version }) => legacyForms.some((form) => form === version))
  if (left.length > 0) {
    const count = left.reduce((sum, each) => sum + each.count, 0)
    const values = count === 1 ? 'one value lies' : `${count} values lie`
    throw stillThere(`${values} in an older form still: "rekey reencrypt --watch"`, left)
  }
  for (const form of legacyForms) await closeOne(db, form, by)
  const details = { forms: legacyForms }
  const event = { action: 'columns.forms_closed', outcome: 'success', actor: by, details } as const
  await db.transaction().execute((transaction) => recordEvent(transaction, event))
}

async function closeOne(db: IdpDatabase, form: LegacyForm, by: string): Promise<void> {
  for (let tries = mostTries; ; tries -= 1) {
    try {
      return await closeForm(db, encryptedColumns, form, by)
    } catch (error) {
      if (!(error instanceof DatabaseError && error.code === 'LEGACY_FORM_LEFT')) throw error
      if (error.facts.count !== 0 || tries === 0) throw stillThere(error.message, error.facts)
    }
    await delay(recheckMs)
  }
}

const stillThere = (message: string, left: unknown) => new IdpError('LEGACY_VALUES', message, { facts: { left } })
