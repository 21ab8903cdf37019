/**
 * Idempotency-Key: whoever did not get the reply to a change asks again by the same key, and gets that reply instead of a
 * second change. For a minute where nothing else is said; the same caller only; only the same request.
 */

import { lockName } from '@rekey/database'
import { transact } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import { sql, type Transaction } from 'kysely'
import { IdpError, OAuthError } from '../error.ts'
import type { Instance } from '../instance.ts'
import { sha256 } from '../sha256.ts'
import type { IdpDatabase, IdpTables } from '../tables.ts'
import type { Authorised } from './authorise.ts'

/** A change as it was made: its revision, and what the caller is told when every instance has applied that. */
export interface Done<Reply> {
  revision: number
  reply: Reply
}

/** What takes long and must not happen while the database waits, though the change needs it. */
export interface Preparation<Made, Reply = unknown> {
  make(): Promise<Made>
  /** Called when it was not needed after all: the change was refused, or has been made before. */
  discard(made: Made): Promise<void>
  /** Called before a reply is given once more. It throws when what that says is not so any more. */
  confirm?(done: Done<Reply>): Promise<void>
}

/** For a change that needs nothing of the kind. */
export const nothingToPrepare: Preparation<void> = { make: async () => {}, discard: async () => {} }

type Kept = Pick<Instance, 'connection' | 'sealer' | 'view'>
type Asked = Authorised & Pick<FastifyRequest, 'headers' | 'params' | 'body'>

const replyKeptForMs = 60_000
/** A lost reply to a registration is not asked for within a minute: the service that lost it may be started again the next morning. */
export const longestReplyKeptMs = 24 * 3_600_000
const keptFor = sql`${replyKeptForMs} * interval '1 millisecond'`
/** Of rows of `idempotent_replies`. */
export const isReplyKept = sql<boolean>`at > clock_timestamp() - ${keptFor}`

const keyForm = /^[\x20-\x7e]{1,200}$/

/**
 * Makes a change in a transaction, and gives its reply when every live instance has applied it. With the header
 * Idempotency-Key it is made once: the reply is kept in the same transaction, sealed.
 *
 * @param operation its name: the same key for another operation is refused
 * @param act makes the change; it reads and writes by the transaction only
 * @param preparation made only if the reply is not known already
 * @param keptForMs how long the reply is given once more
 * @throws IdpError `IDEMPOTENCY_KEY_REUSED`, `INVALID_REQUEST` for a key that is none, and what `act` and `confirm` throw
 */
export async function idempotent<Reply, Made>(
  instance: Kept,
  request: Asked,
  operation: string,
  act: (transaction: Transaction<IdpTables>, made: Made) => Promise<Done<Reply>>,
  preparation: Preparation<Made, NoInfer<Reply>>,
  keptForMs = replyKeptForMs,
): Promise<Reply> {
  const { db } = instance.connection
  const key = keyOf(request, operation)
  const before = key && (await replyBy<Reply>(instance, db, key))
  const done = before
    ? { ...before, repeated: true }
    : await prepared(preparation, (made) => once(instance, db, key, (tx) => act(tx, made), keptForMs))
  if (done.repeated) await preparation.confirm?.(done)
  // 0: nobody remembers what this made.
  if (done.revision > 0) await instance.view.everywhere(done.revision)
  return done.reply
}

async function prepared<Made, T extends { repeated?: boolean }>(
  preparation: Preparation<Made>,
  use: (made: Made) => Promise<T>,
): Promise<T> {
  const made = await preparation.make()
  try {
    const done = await use(made)
    if (done.repeated) await preparation.discard(made)
    return done
  } catch (error) {
    // A commit whose answer was lost may have taken place: only what was refused for certain is discarded.
    if (error instanceof IdpError || error instanceof OAuthError) await preparation.discard(made)
    throw error
  }
}

interface Key {
  caller: string
  keyHash: Buffer
  requestHash: Buffer
}

function keyOf({ headers, caller, params, body }: Asked, operation: string): Key | undefined {
  const given = headers['idempotency-key']
  if (given === undefined) return undefined
  if (typeof given !== 'string' || !keyForm.test(given)) {
    throw new IdpError('INVALID_REQUEST', 'Idempotency-Key must be 1 to 200 printable characters of ASCII')
  }
  const asked = JSON.stringify([operation, params ?? null, body ?? null])
  return { caller: caller.clientId, keyHash: sha256(given), requestHash: sha256(asked) }
}

function once<Reply>(
  instance: Kept,
  db: IdpDatabase,
  key: Key | undefined,
  act: (transaction: Transaction<IdpTables>) => Promise<Done<Reply>>,
  keptForMs: number,
): Promise<Done<Reply> & { repeated?: boolean }> {
  return transact(db, async (transaction) => {
    if (!key) return act(transaction)
    // Held to the end: whoever asks meanwhile by the same key waits, and finds the reply.
    await lockName(transaction, 'idempotencyKey', recordOf(key))
    const before = await replyBy<Reply>(instance, transaction, key)
    if (before) return { ...before, repeated: true }
    const done = await act(transaction)
    await keep(instance, transaction, key, done, keptForMs)
    return done
  })
}

async function replyBy<Reply>({ sealer }: Kept, db: IdpDatabase, key: Key): Promise<Done<Reply> | undefined> {
  const row = await db
    .selectFrom('idempotent_replies')
    .select(['request_hash', 'revision', 'sealed_reply'])
    .where('caller', '=', key.caller)
    .where('key_hash', '=', key.keyHash)
    .where(isReplyKept)
    .executeTakeFirst()
  if (!row) return undefined
  if (!row.request_hash.equals(key.requestHash)) {
    throw new IdpError('IDEMPOTENCY_KEY_REUSED', 'this Idempotency-Key was used for another request a moment ago')
  }
  return { revision: row.revision, reply: JSON.parse(sealer.open(recordOf(key), row.sealed_reply).toString()) }
}

async function keep<Reply>(
  { sealer }: Kept,
  transaction: Transaction<IdpTables>,
  key: Key,
  done: Done<Reply>,
  keptForMs: number,
): Promise<void> {
  // What is kept for longer is dated ahead: the release before knows of a minute only, and would throw it away.
  const sealedReply = sealer.seal(recordOf(key), Buffer.from(JSON.stringify(done.reply)))
  await sql`
    INSERT INTO idempotent_replies (caller, key_hash, request_hash, revision, sealed_reply, at)
    VALUES (${key.caller}, ${key.keyHash}, ${key.requestHash}, ${done.revision}, ${sealedReply},
      clock_timestamp() + ${keptForMs - replyKeptForMs} * interval '1 millisecond')
    ON CONFLICT (caller, key_hash) DO UPDATE SET request_hash = EXCLUDED.request_hash, revision = EXCLUDED.revision,
      sealed_reply = EXCLUDED.sealed_reply, at = EXCLUDED.at`.execute(transaction)
}

/** Deletes replies that are not given any more. */
export async function pruneIdempotentReplies(db: IdpDatabase): Promise<void> {
  await sql`DELETE FROM idempotent_replies WHERE at < now() - ${keptFor}`.execute(db)
}

/** A reply that was moved to another caller, or another key, does not open. */
function recordOf({ caller, keyHash }: Key): string {
  return `idempotency/${caller}/${keyHash.toString('hex')}`
}
