import { isDeepStrictEqual } from 'node:util'
import { currentRevision, databaseNow, recordEvent } from '@rekey/database'
import { transact } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import { longestTokenMs } from '../denied/longest-token.ts'
import { lowerDenial } from '../denied/store.ts'
import type { Instance } from '../instance.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { type Account, type AccountStatus, accountColumns, lockAccount } from './account.ts'
import { type ChangedDescription, claimsAfter } from './claims.ts'
import { endLogins } from './end-logins.ts'
import { hashPassword } from './password/hash.ts'

/** What is to become of an account. */
export interface AccountChange {
  description?: ChangedDescription
  status?: AccountStatus | undefined
  password?: string | undefined
}

/** All that a step of a change needs. */
interface Change {
  instance: Instance
  transaction: Transaction<IdpTables>
  caller: Caller
  account: Account
}

/**
 * Changes an account in one transaction: what is said of it, its password, its status.
 *
 * @returns it, when every live instance goes by the change
 * @throws IdpError `UNKNOWN_ACCOUNT`, `FORBIDDEN`, `DENY_LIST_FULL`, `OVERLOADED`
 */
export async function changeAccount(
  instance: Instance,
  caller: Caller,
  accountId: string,
  { description = {}, status, password }: AccountChange,
): Promise<Account> {
  const passwordHash = password === undefined ? undefined : await hashPassword(password)
  const { account, revision } = await transact(instance.connection.db, async (transaction) => {
    const change = { instance, transaction, caller, account: await lockAccount(transaction, caller, accountId) }
    await describe(change, description)
    if (passwordHash !== undefined) await setPassword(change, passwordHash)
    if (status !== undefined && status !== change.account.status) await setStatus(change, status)
    // Last of all, and once: with the list of what is denied comes the lock that orders all changes.
    const revision = await carryOut(change, passwordHash !== undefined, status)
    const changed = await transaction
      .selectFrom('accounts')
      .select(accountColumns)
      .where('account_id', '=', accountId)
      .executeTakeFirstOrThrow()
    return { account: changed, revision }
  })
  await instance.view.everywhere(revision)
  return account
}

async function describe(change: Change, description: ChangedDescription): Promise<void> {
  const before = change.account.claims
  const after = claimsAfter(before, description)
  if (isDeepStrictEqual(before, after)) return
  await update(change, { claims: JSON.stringify(after) })
  await record(change, 'account.updated', { before, after })
}

async function setPassword(change: Change, passwordHash: string): Promise<void> {
  await update(change, { password_hash: passwordHash, password_changed_at: sql<Date>`now()` })
  await record(change, 'account.password_changed', {})
}

async function setStatus(change: Change, status: AccountStatus): Promise<void> {
  await update(change, { status })
  await record(change, status === 'active' ? 'account.enabled' : 'account.disabled', {})
}

/** @returns the revision from which on every instance goes by the change; 0 where none need know */
async function carryOut(change: Change, isNewPassword: boolean, status: AccountStatus | undefined): Promise<number> {
  const { account, transaction } = change
  const isDisabled = (status ?? account.status) === 'disabled'
  const isChanged = status !== undefined && status !== account.status
  const ended = isNewPassword || (isChanged && isDisabled) ? await end(change, isDisabled) : 0
  if (isChanged && !isDisabled) return Math.max(ended, await admitAgain(change))
  // Whoever made it so may still be waiting for every instance to know.
  return status === undefined || ended > 0 ? ended : (await currentRevision(transaction)).n
}

/** Verifiers are to refuse no longer what it gets from now on. */
async function admitAgain({ instance, transaction, account }: Change): Promise<number> {
  const issuedBefore = await databaseNow(transaction)
  const endsAt = issuedBefore + longestTokenMs(instance)
  return lowerDenial(transaction, { kind: 'sub', value: account.account_id, issuedBefore, endsAt })
}

function end({ instance, transaction, caller, account }: Change, isDisabled: boolean): Promise<number> {
  return endLogins(instance, transaction, account.account_id, caller.clientId, { isDisabled })
}

async function update({ transaction, account }: Change, values: object): Promise<void> {
  await transaction
    .updateTable('accounts')
    .set({ ...values, changed_at: sql`now()` })
    .where('account_id', '=', account.account_id)
    .execute()
}

function record({ transaction, caller, account }: Change, action: string, details: object): Promise<void> {
  const { account_id: accountId, organization_id: organizationId, username } = account
  const about = { action, outcome: 'success', actor: caller.clientId, organizationId } as const
  return recordEvent(transaction, { ...about, details: { accountId, username, ...details } })
}
