import { recordEvent } from '@rekey/database'
import { transact } from '@rekey/service'
import { IdpError } from '../error.ts'
import type { Instance } from '../instance.ts'
import { type Account, accountColumns } from './account.ts'
import { hashPassword, isPassword, isWeak, nobodysPassword } from './password/hash.ts'
import { countAttempt, forgiveAttempts } from './throttle.ts'
import { username } from './username.ts'

/** What somebody types in, and where. */
export interface Login {
  username: string
  password: string
  address: string
  /** For which he logs in. */
  clientId?: string
}

/** An account, and what its password is stored as. */
type Held = Account & { password_hash: string }

/**
 * Checks a username and its password. A wrong one, an unknown name and a disabled account are told apart in the audit alone, and
 * take as long as each other.
 *
 * @returns the account; `undefined` where they let nobody in
 * @throws IdpError `RATE_LIMITED`, with `retryAfterSeconds`, after too many; `OVERLOADED`
 */
export async function checkPassword(instance: Instance, login: Login): Promise<Account | undefined> {
  instance.requireRoom()
  const { db } = instance.connection
  const held: Held | undefined = await db
    .selectFrom('accounts')
    .select([...accountColumns, 'password_hash'])
    .where((row) => row(row.fn('lower', ['username']), '=', nameOf(login)))
    .executeTakeFirst()
  await countAttempt(db, login).catch((error: unknown) => {
    if (error instanceof IdpError) failed(instance, login, held, 'throttled')
    throw error
  })
  const isRight = await isPassword(login.password, held?.password_hash ?? nobodysPassword)
  if (!held || !isRight || held.status !== 'active') {
    failed(instance, login, held, !held ? 'account_unknown' : isRight ? 'account_disabled' : 'password_wrong')
    return undefined
  }
  await succeeded(instance, login, held)
  const { password_hash: _, ...account } = held
  return account
}

/** PostgreSQL would refuse some of what anybody may type here. What can be no name is looked for all the same, as nobody's. */
function nameOf({ username: typed }: Login): string {
  return username.safeParse(typed).success ? typed.toLowerCase() : ''
}

function failed({ metrics, gathered }: Instance, login: Login, held: Held | undefined, cause: string): void {
  metrics.logins.inc({ outcome: cause === 'throttled' ? 'throttled' : 'failed' })
  gathered.note({
    action: 'login.failed',
    outcome: 'failed',
    // Never the name that was typed: it may be a password that was put in the wrong place.
    actor: held?.account_id ?? 'unknown',
    organizationId: held?.organization_id,
    cause,
    address: login.address,
    details: { client: login.clientId },
  })
}

async function succeeded({ connection, metrics }: Instance, login: Login, held: Held): Promise<void> {
  const stronger = isWeak(held.password_hash) ? await hashPassword(login.password) : undefined
  await transact(connection.db, async (transaction) => {
    await forgiveAttempts(transaction, login)
    if (stronger !== undefined) {
      await transaction
        .updateTable('accounts')
        .set({ password_hash: stronger })
        .where('account_id', '=', held.account_id)
        .where('password_hash', '=', held.password_hash)
        .execute()
    }
    await recordEvent(transaction, {
      action: 'login.succeeded',
      outcome: 'success',
      actor: held.account_id,
      organizationId: held.organization_id,
      details: { client: login.clientId ?? null, address: login.address },
    })
  })
  metrics.logins.inc({ outcome: 'succeeded' })
}
