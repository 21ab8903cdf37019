/** When the identity provider accepted which secret, as all replicas know it together. */
import { type Connection, recordEvent } from '@rekey/database'
import { transact } from '@rekey/service'
import { type RawBuilder, sql } from 'kysely'
import type { BffTables } from '../../tables.ts'

export interface Sighting {
  readonly firstWorkedAt: number
  /** When it took the place of another one last. */
  readonly tookOverAt: number
}

export interface Sightings {
  read(clientId: string): Promise<ReadonlyMap<string, Sighting>>
  /**
   * It was accepted, and takes the place of the one before, which is in the audit once.
   *
   * @param agoMs how long ago, when it is written down
   * @returns what is known of it now
   */
  tookOver(clientId: string, fingerprint: string, agoMs: () => number): Promise<Sighting>
}

export function storedSightings({ db }: Pick<Connection<BffTables>, 'db'>): Sightings {
  return {
    async read(clientId) {
      const rows = await db.selectFrom('client_secrets').selectAll().where('client_id', '=', clientId).execute()
      return new Map(rows.map((row) => [row.fingerprint, sightingOf(row)]))
    },
    tookOver: (clientId, fingerprint, agoMs) =>
      transact(db, async (transaction) => {
        const sighted = sql<Date>`statement_timestamp() - ${agoMs()}::float8 * interval '1 millisecond'`
        const row = await transaction
          .insertInto('client_secrets')
          .values({ client_id: clientId, fingerprint, took_over_at: sighted })
          .onConflict((conflict) =>
            conflict.columns(['client_id', 'fingerprint']).doUpdateSet({ took_over_at: sinceOthers(sighted) }),
          )
          .returningAll()
          .returning([sql<boolean>`took_over_at = ${sighted}`.as('is_first_to_see'), replaced.as('replaces')])
          .executeTakeFirstOrThrow()
        if (row.is_first_to_see) {
          const details = { clientId, fingerprint, replaces: row.replaces ?? undefined }
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

/** Unless another one came in between, it took over when the first replica saw so. What one tells late is older than that. */
const sinceOthers = (sighted: RawBuilder<Date>) => sql<Date>`CASE WHEN EXISTS (
  SELECT FROM client_secrets AS other WHERE other.client_id = client_secrets.client_id
    AND other.took_over_at > client_secrets.took_over_at AND other.took_over_at < ${sighted}
) THEN ${sighted} ELSE client_secrets.took_over_at END`

const replaced = sql<string | null>`(
  SELECT fingerprint FROM client_secrets AS other
  WHERE other.client_id = client_secrets.client_id AND other.fingerprint <> client_secrets.fingerprint
  ORDER BY took_over_at DESC LIMIT 1)`

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
