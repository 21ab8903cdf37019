import { type ColumnCipher, databaseNow } from '@rekey/database'
import { activeVersion, type ClientKeyring, isClosed, retire, succeed, type Version } from '@rekey/keyring'
import { isoIfSet, isoOrNull } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import type { z } from 'zod'
import { record } from '../audit/record.ts'
import { webhookSecret } from '../columns/list.ts'
import { longestOverlapMs } from '../credentials/policy.ts'
import { IdpError } from '../error.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { newSecretId } from './create.ts'
import { saveKeyring } from './keyring.ts'
import type { rotatedSecret } from './schema.ts'
import { newSigningSecret } from './signature.ts'
import { lockWebhook } from './stored.ts'

/** Time enough to put a new secret into a receiver. */
const usualOverlapMs = 24 * 3_600_000
/** Each delivery is signed by every one of them. */
const mostAccepted = 4

/**
 * Gives a subscription a new secret. Deliveries are signed by the old one, too, until the overlap is over or the receiver has
 * confirmed the new one.
 *
 * @param overlapMs 0: the old one signs nothing more from here on
 * @throws IdpError `UNKNOWN_WEBHOOK`, `FORBIDDEN`, `INVALID_REQUEST`, `TOO_MANY_CREDENTIALS`
 */
export async function rotateSecret(
  transaction: Transaction<IdpTables>,
  columns: Pick<ColumnCipher, 'seal'>,
  caller: Caller,
  webhookId: string,
  overlapMs = usualOverlapMs,
): Promise<z.infer<typeof rotatedSecret>> {
  if (overlapMs > longestOverlapMs)
    throw new IdpError('INVALID_REQUEST', `an overlap is at most ${longestOverlapMs / 86_400_000} days`)
  const { document } = await lockWebhook(transaction, caller, webhookId)
  const accepted = document.versions.filter(({ state }) => state === 'active' || state === 'retiring')
  if (overlapMs > 0 && accepted.length >= mostAccepted)
    throw new IdpError('TOO_MANY_CREDENTIALS', `at most ${mostAccepted} secrets sign at once: confirm one first`)
  const secretId = newSecretId()
  const signingSecret = newSigningSecret()
  await transaction
    .insertInto('webhook_secrets')
    .values({
      secret_id: secretId,
      webhook_id: webhookId,
      sealed_secret: columns.seal(webhookSecret, secretId, signingSecret),
    })
    .execute()
  const now = await databaseNow(transaction)
  const overlapUntil = overlapMs === 0 ? null : now + overlapMs
  await saveKeyring(transaction, document, succeeded(document, secretId, overlapUntil, now))
  const replaces = activeVersion(document)?.id
  const details = { webhookId, version: secretId, replaces, overlapEndsAt: isoOrNull(overlapUntil ?? undefined) }
  await record(transaction, caller, 'webhook.secret_rotated', details)
  return { id: webhookId, secretId, signingSecret, overlapEndsAt: isoIfSet(overlapUntil ?? undefined) }
}

/** After a restore none may be left. Unlike a credential, a subscription then goes on under a new one. */
function succeeded(document: ClientKeyring, id: string, overlapUntil: number | null, now: number): ClientKeyring {
  const over: readonly Version[] = isClosed(document) ? document.versions : []
  const open = over.length > 0 ? { ...document, versions: [] } : document
  const next = succeed(open, { id, publicPart: {} }, overlapUntil, now)
  return { ...next, versions: [...over, ...next.versions] }
}

/** The receiver has the newest secret: the others sign nothing more. @throws IdpError `UNKNOWN_WEBHOOK`, `FORBIDDEN` */
export async function confirmSecret(
  transaction: Transaction<IdpTables>,
  caller: Caller,
  webhookId: string,
): Promise<void> {
  const { document } = await lockWebhook(transaction, caller, webhookId)
  const version = activeVersion(document)?.id ?? ''
  const now = await databaseNow(transaction)
  const former = document.versions.filter(({ state }) => state === 'retiring').map(({ id }) => id)
  await sql`UPDATE webhook_secrets SET confirmed_at = now() WHERE secret_id = ${version}`.execute(transaction)
  if (former.length > 0) {
    const confirmed = former.reduce((keyring, id) => retire(keyring, id, now), document)
    await saveKeyring(transaction, document, confirmed)
  }
  await record(transaction, caller, 'webhook.secret_confirmed', { webhookId, version, retired: former })
}
