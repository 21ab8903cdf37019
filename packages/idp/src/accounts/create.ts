import { randomUUID } from 'node:crypto'
import { recordEvent } from '@rekey/database'
import type { Transaction } from 'kysely'
import { orAlreadyExists } from '../already-exists.ts'
import type { IdpTables } from '../tables.ts'
import { type Account, accountColumns } from './account.ts'
import { claimsAfter, type Description } from './claims.ts'

export interface NewAccount {
  username: string
  passwordHash: string
  organizationId: string
  description?: Description
}

/**
 * Creates an account. No instance need be told: nobody remembers accounts.
 *
 * @throws IdpError `ALREADY_EXISTS` when the username is taken
 */
export async function createAccount(
  transaction: Transaction<IdpTables>,
  actor: string,
  { username, passwordHash, organizationId, description = {} }: NewAccount,
): Promise<Account> {
  const claims = JSON.stringify(claimsAfter({}, description))
  const account = await transaction
    .insertInto('accounts')
    .values({
      account_id: randomUUID(),
      organization_id: organizationId,
      username,
      password_hash: passwordHash,
      claims,
    })
    .returning(accountColumns)
    .executeTakeFirstOrThrow()
    .catch(orAlreadyExists('the username is taken'))
  await recordEvent(transaction, {
    action: 'account.created',
    outcome: 'success',
    actor,
    organizationId,
    details: { accountId: account.account_id, username, ...description },
  })
  return account
}
