import { recordEvent } from '@rekey/database'
import type { Keyring } from '@rekey/keyring'
import type { IdpDatabase } from '../tables.ts'
import type { ColumnKeySource, GivenKeys } from './source.ts'

/**
 * Destroys, at their source, the keys of versions that are over: nothing hangs on them any more, and what backups need lies in
 * escrow. Where the source cannot be written, its owner is told to do it.
 */
export async function destroyOver(db: IdpDatabase, { versions }: Keyring, from: ColumnKeySource): Promise<void> {
  const isOver = (id: string) =>
    versions.some((version) => version.id === id && (version.state === 'retired' || version.state === 'revoked'))
  const over = (from.accepted ?? []).filter(({ id }) => isOver(id))
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
