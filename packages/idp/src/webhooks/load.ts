import type { ColumnCipher } from '@rekey/database'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import { isSent, type Target, targetOf, type Webhook } from './stored.ts'

/** A delivery that is to be tried, as it stands in its row, with what the chain says of its event. */
export interface Pending {
  deliveryId: string
  webhookId: string
  attempts: number
  text: string
}

/** Those of them that are still to be delivered. */
export async function loadPending(db: IdpDatabase, ids: readonly string[]): Promise<Pending[]> {
  const { rows } = await sql<Pending>`
    SELECT delivery_id AS "deliveryId", webhook_id AS "webhookId", attempts, text
    FROM webhook_deliveries JOIN audit_chain USING (seq)
    WHERE delivery_id = ANY (${[...ids]}::uuid[]) AND status = 'pending'`.execute(db)
  return rows
}

export type Subscription = Pick<Webhook, 'status' | 'organization_id' | 'revision'> & {
  /** May anything be sent now? */
  isSent: boolean
  /** Nothing where it does not open: that is no fault of the others. */
  target: Target | undefined
}

/**
 * What subscriptions are sent by. It is decrypted once for each revision of a subscription, and asked anew each time whether it
 * is still that one.
 */
export function subscriptions(db: IdpDatabase, columns: Pick<ColumnCipher, 'open'>, onError: (error: unknown) => void) {
  const known = new Map<string, Subscription>()
  return async (webhookIds: readonly string[]): Promise<ReadonlyMap<string, Subscription>> => {
    const rows = await db
      .selectFrom('webhooks')
      .select(['webhook_id', 'status', 'organization_id', 'revision', 'url', 'document', isSent.as('is_sent')])
      .where('webhook_id', 'in', [...webhookIds])
      .execute()
    const found = rows.map(async (row): Promise<[string, Subscription]> => {
      const { status, organization_id, revision, is_sent: isSent } = row
      const held = known.get(row.webhook_id)
      if (held?.revision === revision) return [row.webhook_id, { ...held, status, isSent }]
      const target = await targetOf(db, columns, row).catch((error) => {
        onError(error)
        return undefined
      })
      const subscription = { status, organization_id, revision, isSent, target }
      if (!target) return [row.webhook_id, subscription]
      if (known.size >= mostKnown) known.clear()
      known.set(row.webhook_id, subscription)
      return [row.webhook_id, subscription]
    })
    return new Map(await Promise.all(found))
  }
}

const mostKnown = 10_000
