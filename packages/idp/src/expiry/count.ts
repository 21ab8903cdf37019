import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import { type Environment, endsWithin, environment, environments } from './soon.ts'

/** How many credentials expire within a time, by what their agents are: none is a number, too. */
export async function countExpiring(db: IdpDatabase, warningMs: number): Promise<Record<Environment, number>> {
  const { rows } = await counting(warningMs).execute(db)
  const found = new Map(rows.map((row) => [row.environment, row.count]))
  return Object.fromEntries(environments.map((each) => [each, found.get(each) ?? 0])) as Record<Environment, number>
}

/** By the index of what expires: of a million credentials it reads those that do so soon. */
export const counting = (warningMs: number) => sql<{ environment: Environment; count: number }>`
  SELECT ${environment} AS environment, count(*)::int AS count
  FROM credentials JOIN agents USING (agent_id)
  WHERE ${endsWithin(warningMs)} AND agents.status = 'active' GROUP BY 1`
