import { databaseNow } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import { lastIssuedMs } from '../agents/end-tokens.ts'
import { longestTokenMs } from '../denied/longest-token.ts'
import { denyWithin } from '../denied/store.ts'
import type { Instance } from '../instance.ts'
import { endOidcState } from '../oidc/state/end.ts'
import type { IdpTables } from '../tables.ts'

/**
 * Ends what hangs on the logins of an account, in the transaction that ends its being active or changes its password: sessions,
 * grants, codes, opaque and refresh tokens, and the access tokens that verifiers accept.
 *
 * Nothing for a user is issued without a read of these rows, so that what is issued later can be told from what was issued
 * before; only of a disabled account nothing must pass either that an instance issues at this moment, whose clock is ahead.
 *
 * @returns the revision from which on verifiers refuse what was issued
 * @throws IdpError `DENY_LIST_FULL`
 */
export async function endLogins(
  instance: Pick<Instance, 'keys'>,
  transaction: Transaction<IdpTables>,
  accountId: string,
  actor: string,
  { isDisabled }: { isDisabled: boolean },
): Promise<number> {
  await transaction
    .updateTable('accounts')
    .set({ logins_since: sql`clock_timestamp()` })
    .where('account_id', '=', accountId)
    .execute()
  await endOidcState(transaction, { accountId })
  const issuedBefore = (await databaseNow(transaction)) + (isDisabled ? lastIssuedMs(instance) : 0)
  const endsAt = issuedBefore + longestTokenMs(instance)
  return denyWithin(transaction, [{ kind: 'sub', value: accountId, issuedBefore, endsAt }], actor, {
    isSuspension: isDisabled,
  })
}
