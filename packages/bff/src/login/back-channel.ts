import { createHash } from 'node:crypto'
import { transact } from '@rekey/service'
import type { Transaction } from 'kysely'
import type { Bff } from '../bff.ts'
import { BffError } from '../error.ts'
import type { LogoutOrder } from '../provider/provider.ts'
import { endIn, type Selection } from '../sessions/end.ts'
import type { BffTables } from '../tables.ts'

/**
 * The identity provider says that somebody logged out there (OpenID Connect Back-Channel Logout 1.0). When this resolves no
 * instance has the session any more.
 *
 * @throws BffError `INVALID_REQUEST` for a token that is not good, or was obeyed before; `IDP_UNAVAILABLE`
 */
export async function obeyLogout(bff: Bff, token: string): Promise<void> {
  const order = await bff.provider.logoutOrder(token)
  const selection = selectionOf(order)
  const revision = await transact(bff.connection.db, async (transaction) => {
    await useOnce(transaction, order)
    for (;;) {
      const ended = await endIn(transaction, selection, {
        ...{ actor: order.iss, reason: 'back-channel logout' },
        isForGood: true,
      })
      if (ended.isLast) return ended.revision
    }
  })
  await bff.view.everywhere(revision)
}

/** In the transaction that obeys it: one that was not obeyed may be sent again. */
async function useOnce(transaction: Transaction<BffTables>, { iss, jti }: LogoutOrder): Promise<void> {
  const hash = createHash('sha256')
    .update(JSON.stringify([iss, jti]))
    .digest()
  const { numInsertedOrUpdatedRows: added } = await transaction
    .insertInto('used_logout_tokens')
    .values({ jti_hash: hash })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  if (added === 0n) throw new BffError('INVALID_REQUEST', 'this logout token was used before')
}

/** One of the two is there (§2.4); with both, the session must be of that user. */
function selectionOf({ iss: issuer, sid, sub }: LogoutOrder): Selection {
  if (sid !== undefined) return { sid, sub, issuer }
  if (sub !== undefined) return { sub, issuer }
  throw new BffError('INVALID_REQUEST', 'the logout token names neither a session nor a user')
}
