/** When the identity provider accepted which secret, as all replicas know it together. */
import { type Connection, recordEvent } from '@rekey/database'
import { transact } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import type { BffTables } from '../../tables.ts'

export interface Sighting {
  readonly firstWorkedAt: number
  /** When it took the place of another one last. */
  readonly tookOverAt: number
}

export interface Sightings {
  read(clientId: string): Promise<ReadonlyMap<string, Sighting>>
  /** It was accepted, and takes the place of the one before, which is in the audit once. @returns what is known of it now */
  tookOver(clientId: string, fingerprint: string): Promise<Sighting>
}

export function storedSightings({ db }: Pick<Connection<BffTables>, 'db'>): Sightings {
  return {
    async read(clientId) {
      const rows = await db.selectFrom('client_secrets').selectAll().where('client_id', '=', clientId).execute()
      return new Map(rows.map((row) => [row.fingerprint, sightingOf(row)]))
    },
    tookOver: (clientId, fingerprint) =>
      transact(db, async (transaction) => {
        const before = await newestOf(transaction, clientId)
        const row = await transaction
          .insertInto('client_secrets')
          .values({ client_id: clientId, fingerprint })
          .onConflict((conflict) =>
            conflict.columns(['client_id', 'fingerprint']).doUpdateSet({ took_over_at: sinceOthers }),
          )
          .returningAll()
          .returning(sql<boolean>`took_over_at = now()`.as('is_first_to_see'))
          .executeTakeFirstOrThrow()
        if (row.is_first_to_see) {
          const details = { clientId, fingerprint, replaces: before?.fingerprint }
          await recordEvent(transaction, {
            action: 'client_secret.activated',
            outcome: 'success',
            actor: 'rekey',
            details,
          })
        }
        return sightingOf(row)
      }),
  }
}

function newestOf(transaction: Transaction<BffTables>, clientId: string) {
  const known = transaction.selectFrom('client_secrets').select('fingerprint').where('client_id', '=', clientId)
  return known.orderBy('took_over_at', 'desc').limit(1).executeTakeFirst()
}

/** Unless another one came in between, it took over when the first replica saw so. */
const sinceOthers = sql<Date>`CASE WHEN EXISTS (
  SELECT FROM client_secrets AS other
  WHERE other.client_id = client_secrets.client_id AND other.took_over_at > client_secrets.took_over_at
) THEN now() ELSE client_secrets.took_over_at END`

const sightingOf = ({
  first_worked_at,
  took_over_at,
}: {
  first_worked_at: number
  took_over_at: number
}): Sighting => ({
  firstWorkedAt: first_worked_at,
  tookOverAt: took_over_at,
})
