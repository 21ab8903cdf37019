import { recordEvent } from '@rekey/database'
import type { Keyring, Version } from '@rekey/keyring'
import type { IdpDatabase } from '../tables.ts'
import type { ColumnKeySource, GivenKeys } from './source.ts'

/**
 * Is a version over at its source too? What lies in escrow is not: a backup of before has the values and no escrow, and where the
 * database is lost the source is all that opens it.
 */
export function isOver({ state, sealedPrivate }: Pick<Version, 'state' | 'sealedPrivate'>): boolean {
  return (state === 'retired' || state === 'revoked') && sealedPrivate === undefined
}

/**
 * Destroys, at their source, the keys of versions that are over: nothing hangs on them any more, in backups neither. Where the
 * source cannot be written, its owner is told to do it.
 */
export async function destroyOver(db: IdpDatabase, { versions }: Keyring, from: ColumnKeySource): Promise<void> {
  const ended = versions.filter(isOver).map(({ id }) => id)
  const over = (from.accepted ?? []).filter(({ id }) => ended.includes(id))
  if (over.length === 0 || !(await from.source.isWritable())) return
  for (const { id, key } of over) {
    await from.source.remove(Buffer.from(key).toString('hex'))
    const [newest, ...older] = (from.accepted ?? []).filter((kept) => kept.id !== id)
    if (newest) from.accept([newest, ...older] satisfies GivenKeys)
    const details = { version: id, variable: from.variable }
    const event = { action: 'columns.key_destroyed', outcome: 'success', actor: 'rekey', details } as const
    await db.transaction().execute((transaction) => recordEvent(transaction, event))
  }
}
