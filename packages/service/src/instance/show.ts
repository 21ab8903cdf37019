import { type DatabaseTables, databaseLedger } from '@rekey/database'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import { iso, time } from '../http/time.ts'

/** The instances of a service as operators see them. */
export const shownInstances = z.object({
  instances: z.array(
    z.object({
      id: z.string(),
      address: z.string().describe("The instance's own, not the issuer"),
      applied: z.number().describe('The revision of the database that it has applied'),
      startedAt: time,
      leaseUntil: time,
      live: z.boolean(),
    }),
  ),
})

/**
 * The instances that are there, and those that are gone without a word and were not replaced at their address. What is gone is
 * told by the clock of the database alone, which decides nothing here.
 */
export async function showInstances<Tables extends DatabaseTables>(
  db: Kysely<Tables>,
): Promise<z.infer<typeof shownInstances>> {
  const { now, rows } = await databaseLedger(db).instances()
  const seen = rows
    .map((row) => ({ ...row, live: row.leaseUntil > now }))
    .toSorted((a, b) => b.leaseUntil - a.leaseUntil)
  const shown = seen.filter(({ live, address }, place) => {
    return live || seen.findIndex((other) => other.address === address) === place
  })
  const instances = shown.map(({ startedAt, leaseUntil, ...rest }) => ({
    ...rest,
    startedAt: iso(startedAt),
    leaseUntil: iso(leaseUntil),
  }))
  return { instances }
}
