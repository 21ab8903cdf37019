import { iso, time } from '@rekey/service'
import type { Selectable, Transaction } from 'kysely'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { describedBy, description } from './claims.ts'

/** Somebody who logs in. What his password is stored as is read only where it is compared. */
export type Account = Omit<Selectable<IdpTables['accounts']>, 'password_hash'>

export const accountColumns = [
  'account_id',
  'organization_id',
  'username',
  'status',
  'claims',
  'created_at',
  'changed_at',
  'password_changed_at',
  'logins_since',
] as const satisfies readonly (keyof Account)[]

export const accountStatus = z.enum(['active', 'disabled'])
export type AccountStatus = z.infer<typeof accountStatus>

/** An account as the API shows it. */
export const shownAccount = z.object({
  accountId: z.string().describe('The `sub` of its tokens'),
  organizationId: z.string(),
  username: z.string(),
  status: accountStatus.describe('Only an active one logs in'),
  ...z.object(description).partial().shape,
  roles: z.array(z.string()),
  createdAt: time,
  changedAt: time,
  passwordChangedAt: time,
})

export function showAccount(account: Account): z.infer<typeof shownAccount> {
  const { roles = [], ...said } = describedBy(account.claims)
  return {
    accountId: account.account_id,
    organizationId: account.organization_id,
    username: account.username,
    status: account.status,
    ...said,
    roles,
    createdAt: iso(account.created_at),
    changedAt: iso(account.changed_at),
    passwordChangedAt: iso(account.password_changed_at),
  }
}

/** @throws IdpError `UNKNOWN_ACCOUNT`, or `FORBIDDEN` when it is of another organization than the caller */
export async function accountOf(db: IdpDatabase, caller: Caller, accountId: string): Promise<Account> {
  return ofCaller(await find(db, accountId).executeTakeFirst(), caller)
}

/**
 * Reads an account that is about to change; it stands still until the transaction ends.
 *
 * @throws IdpError `UNKNOWN_ACCOUNT`, or `FORBIDDEN` when it is of another organization than the caller
 */
export async function lockAccount(
  transaction: Transaction<IdpTables>,
  caller: Caller,
  accountId: string,
): Promise<Account> {
  return ofCaller(await find(transaction, accountId).forUpdate().executeTakeFirst(), caller)
}

/**
 * The account of somebody who logged in, while it is active and the login stands: it does not where the password was changed since,
 * or the account disabled, though what hung on it was deleted then. Whatever was under way at that moment ends here.
 *
 * @param authTime when he logged in, in whole seconds since the epoch; without one only the account is looked at
 */
export async function findAccount(db: IdpDatabase, accountId: string, authTime?: number): Promise<Account | undefined> {
  const account = await find(db, accountId).executeTakeFirst()
  if (account?.status !== 'active') return undefined
  // Whoever logs in by the new password may do so in the very second in which it was set.
  const stands = authTime === undefined || (authTime + 1) * 1_000 > account.logins_since
  return stands ? account : undefined
}

function find(db: IdpDatabase, accountId: string) {
  return db.selectFrom('accounts').select(accountColumns).where('account_id', '=', accountId)
}

function ofCaller(account: Account | undefined, caller: Caller): Account {
  if (!account) throw new IdpError('UNKNOWN_ACCOUNT', 'there is no such account')
  if (account.organization_id === caller.organizationId) return account
  throw new IdpError('FORBIDDEN', 'the account is not of your organization')
}
