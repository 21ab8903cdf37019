import { pageOf, pageQuery, positionOf } from '@rekey/service'
import { z } from 'zod'
import { isAfter, microsecondsOf, timedPosition } from '../http/timed-place.ts'
import type { IdpDatabase } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { type Account, accountColumns, accountStatus } from './account.ts'
import { username } from './username.ts'

/** Which accounts are listed: those that have all that is named. */
export const accountsWanted = z.object({
  status: accountStatus.optional(),
  username: username.optional(),
  ...pageQuery,
})

/** The accounts of the caller's organization, oldest first. */
export async function listAccounts(
  db: IdpDatabase,
  caller: Caller,
  { limit, cursor, status, username }: z.infer<typeof accountsWanted>,
): Promise<{ rows: Account[]; nextCursor: string | null }> {
  const after = positionOf(cursor, timedPosition)
  let query = db
    .selectFrom('accounts')
    .select(accountColumns)
    .select(microsecondsOf('created_at').as('created'))
    .where('organization_id', '=', caller.organizationId)
  if (status !== undefined) query = query.where('status', '=', status)
  if (username !== undefined) {
    query = query.where((row) => row(row.fn('lower', ['username']), '=', username.toLowerCase()))
  }
  if (after) query = query.where(isAfter('created_at', 'account_id', after))
  const rows = await query
    .orderBy('created_at')
    .orderBy('account_id')
    .limit(limit + 1)
    .execute()
  return pageOf(rows, limit, ({ created, account_id }) => [created, account_id])
}
