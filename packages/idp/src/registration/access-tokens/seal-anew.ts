import { rootIdIn, type Sealer } from '@rekey/database'
import { sql } from 'kysely'
import { total } from '../../root-keys/total.ts'
import type { IdpDatabase } from '../../tables.ts'
import { recordOf } from './renew.ts'

/**
 * Seals pending tokens under the root key by which is sealed now: a client may not come back for months.
 *
 * @param sealing the id of that root key
 * @returns how many there were
 */
export async function sealPendingTokensAnew(db: IdpDatabase, sealer: Sealer, sealing: string): Promise<number> {
  const { rows } = await sql<{ clientId: string; sealed: string }>`
    SELECT client_id AS "clientId", sealed_token AS sealed FROM registration_access_tokens
    WHERE sealed_token IS NOT NULL AND ${rootIdIn('sealed_token')} <> ${sealing}`.execute(db)
  // One that does not open must not keep the others from it.
  const tended = await Promise.allSettled(
    rows.map(async ({ clientId, sealed }) => {
      const anew = sealer.seal(recordOf(clientId), sealer.open(recordOf(clientId), sealed))
      const update = db.updateTable('registration_access_tokens').set({ sealed_token: anew })
      await update.where('client_id', '=', clientId).where('sealed_token', '=', sealed).execute()
      return 1
    }),
  )
  return total(tended)
}
