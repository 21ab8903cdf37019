import { type ColumnCipher, DatabaseError, errorsOfOneValue } from '@rekey/database'
import { isAcceptedAt } from '@rekey/keyring'
import { iso, isoIfSet } from '@rekey/service'
import { sql } from 'kysely'
import type { z } from 'zod'
import { webhookUrl } from '../columns/list.ts'
import type { IdpDatabase } from '../tables.ts'
import type { shownWebhook } from './schema.ts'
import type { Webhook } from './stored.ts'

type Open = Pick<ColumnCipher, 'open'>
type Counts = z.infer<typeof shownWebhook>['deliveries']

/** Counting goes no further. */
const mostCounted = 10_000

/** Subscriptions as whoever administers them sees them. */
export async function showWebhooks(db: IdpDatabase, columns: Open, rows: readonly Webhook[], now: number) {
  const counts = await countsOf(
    db,
    rows.map((row) => row.webhook_id),
  )
  return rows.map((row) => show(row, columns, counts.get(row.webhook_id), now))
}

export async function showWebhook(db: IdpDatabase, columns: Open, row: Webhook, now: number) {
  const counts = await countsOf(db, [row.webhook_id])
  return show(row, columns, counts.get(row.webhook_id), now)
}

function show(
  row: Webhook,
  columns: Open,
  deliveries: Counts = { pending: 0, dead_letter: 0 },
  now: number,
): z.infer<typeof shownWebhook> {
  return {
    id: row.webhook_id,
    name: row.name,
    url: urlOf(row, columns),
    events: row.events,
    status: row.status,
    reason: row.reason ?? undefined,
    createdAt: iso(row.created_at),
    changedAt: iso(row.changed_at),
    failingSince: isoIfSet(row.failing_since ?? undefined),
    secrets: row.document.versions
      .filter((version) => isAcceptedAt(version, now))
      .map(({ id, state, preparedAt, acceptedUntil }) => ({
        id,
        state: state === 'active' ? 'active' : 'retiring',
        since: iso(preparedAt),
        until: isoIfSet(acceptedUntil),
      })),
    deliveries,
  }
}

/** One that does not open keeps no list from being read. */
function urlOf({ webhook_id, url }: Webhook, columns: Open): string | null {
  try {
    return columns.open(webhookUrl, webhook_id, url)
  } catch (error) {
    if (error instanceof DatabaseError && errorsOfOneValue.includes(error.code)) return null
    throw error
  }
}

async function countsOf(db: IdpDatabase, webhookIds: readonly string[]): Promise<Map<string, Counts>> {
  const { rows } = await sql<Counts & { id: string }>`
    SELECT id, (SELECT count(*)::int FROM (${openOf('pending')}) AS listed) AS pending,
      (SELECT count(*)::int FROM (${openOf('dead_letter')}) AS listed) AS dead_letter
    FROM unnest(${[...webhookIds]}::text[]) AS id`.execute(db)
  return new Map(rows.map(({ id, ...counts }) => [id, counts]))
}

const openOf = (status: string) => sql`
  SELECT FROM webhook_deliveries WHERE webhook_id = id AND status = ${status} LIMIT ${mostCounted}`
