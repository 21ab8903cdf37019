import { type AuditEvent, type DatabaseTables, recordEventAs } from '@rekey/database'
import { type OutboxEntry, outboxOf } from '@rekey/keyring'
import type { Kysely } from 'kysely'
import { storable } from './storable.ts'

/**
 * Takes over what happened to keyrings that are kept in folders. An entry stays in its folder until its event is written, and
 * its event has the entry's id: of those who try, at whatever moment they die, one writes it once.
 *
 * @param folders of directory stores of `@rekey/keyring`
 */
export async function drainOutboxes<Tables extends DatabaseTables>(
  db: Kysely<Tables>,
  folders: readonly string[],
): Promise<void> {
  const drained = await Promise.allSettled(folders.map((folder) => drain(db, folder)))
  const failures = drained.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  if (failures.length > 0) throw new AggregateError(failures, 'changes of keyrings that are kept in folders')
}

async function drain<Tables extends DatabaseTables>(db: Kysely<Tables>, folder: string): Promise<void> {
  const outbox = outboxOf(folder)
  const entries = await outbox.pending()
  if (entries.length === 0) return
  await db.transaction().execute(async (transaction) => {
    for (const entry of entries) await recordEventAs(transaction, entry.id, entry.at, eventOf(entry))
  })
  // The last of each keyring stands for all before it.
  for (const entry of new Map(entries.map((each) => [each.keyring, each])).values()) await outbox.delivered(entry)
}

function eventOf({ keyring, revision, change }: OutboxEntry): AuditEvent {
  const { action, actor, details } = change
  return storable({ action, outcome: 'success' as const, actor, details: { keyring, revision, ...details } })
}
