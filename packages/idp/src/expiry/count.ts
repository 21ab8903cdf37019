import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import { type Environment, endedWithin, endsWithin, environment, environments } from './soon.ts'

/** How many credentials expire within a time, by what their agents are: none is a number, too. */
export async function countExpiring(db: IdpDatabase, warningMs: number): Promise<Record<Environment, number>> {
  return ofAll((await counting(warningMs).execute(db)).rows)
}

/** How many credentials ended within a time, and left their agents with none that can be used. */
export async function countExpired(db: IdpDatabase, withinMs: number): Promise<Record<Environment, number>> {
  return ofAll((await countingExpired(withinMs).execute(db)).rows)
}

interface Counted {
  environment: Environment
  count: number
}

function ofAll(rows: readonly Counted[]): Record<Environment, number> {
  const found = new Map(rows.map((row) => [row.environment, row.count]))
  return Object.fromEntries(environments.map((each) => [each, found.get(each) ?? 0])) as Record<Environment, number>
}

/** By the index of what expires: of a million credentials it reads those that do so soon. */
export const counting = (warningMs: number) => sql<Counted>`
  SELECT ${environment} AS environment, count(*)::int AS count
  FROM credentials JOIN agents USING (agent_id)
  WHERE ${endsWithin(warningMs)} AND agents.status = 'active' GROUP BY 1`

/** By the same index: it reads those that ended within that time. */
const countingExpired = (withinMs: number) => sql<Counted>`
  SELECT ${environment} AS environment, count(*)::int AS count
  FROM credentials JOIN agents USING (agent_id)
  WHERE ${endedWithin(withinMs)} AND agents.status = 'active' GROUP BY 1`
