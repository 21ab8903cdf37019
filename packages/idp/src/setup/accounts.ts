import { lockName } from '@rekey/database'
import type { Transaction } from 'kysely'
import { createAccount } from '../accounts/create.ts'
import { hashPassword } from '../accounts/password/hash.ts'
import { operatorOrganization } from '../agents/organization.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import { setupActor } from './actor.ts'

/** Somebody who is to be able to log in. */
export interface SetupAccount {
  username: string
  password: string
}

/**
 * Makes an account that is not there. One that is keeps its password and its status: whoever changed them had a reason.
 */
export async function ensureAccount(
  transaction: Transaction<IdpTables>,
  { username, password }: SetupAccount,
): Promise<void> {
  // Several instances may be started at once.
  await lockName(transaction, 'account', username.toLowerCase())
  if (await isThere(transaction, username)) return
  const passwordHash = await hashPassword(password)
  await createAccount(transaction, setupActor, { username, passwordHash, organizationId: operatorOrganization })
}

async function isThere(db: IdpDatabase, username: string): Promise<boolean> {
  const found = await db
    .selectFrom('accounts')
    .select('account_id')
    .where((row) => row(row.fn('lower', ['username']), '=', username.toLowerCase()))
    .executeTakeFirst()
  return found !== undefined
}
