import type { ColumnCipher } from '@rekey/database'
import { cursorAt, lineOf, pageOf, pageQuery, positionOf } from '@rekey/service'
import { z } from 'zod'
import { isAfter, microsecondsOf, timedPosition } from '../http/timed-place.ts'
import type { IdpDatabase } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { type Agent, agentStatus } from './agent.ts'
import { openedOf } from './encrypted.ts'

const text = lineOf(200)

/** Which agents are listed: those that have all that is named. */
export const agentsWanted = z.object({
  status: agentStatus.optional(),
  name: text.optional(),
  owner: text.optional(),
  agentType: text.optional(),
  deploymentEnv: text.optional(),
  ...pageQuery,
})

type Wanted = z.infer<typeof agentsWanted>
interface Page {
  rows: Agent[]
  nextCursor: string | null
}

/** In one request; a page with fewer than were asked for, and a cursor, leads on. */
const mostOpened = 5_000

/** The caller's organization's agents, oldest first: those that are created meanwhile come last, and move nobody. */
export async function listAgents(
  db: IdpDatabase,
  columns: Pick<ColumnCipher, 'open'>,
  caller: Caller,
  { limit, cursor, owner, ...wanted }: Wanted,
): Promise<Page> {
  const after = positionOf(cursor, timedPosition)
  if (owner === undefined) {
    const rows = await read(db, caller, wanted, after, limit + 1)
    return pageOf(rows, limit, placeOf)
  }
  // What is encrypted cannot be looked for: all are opened.
  const rows = await read(db, caller, wanted, after, mostOpened + 1)
  const owned = rows.slice(0, mostOpened).filter((row) => openedOf(row, columns).owner === owner)
  const page = pageOf(owned, limit, placeOf)
  const end = rows[mostOpened - 1]
  if (page.nextCursor !== null || rows.length <= mostOpened || end === undefined) return page
  return { ...page, nextCursor: cursorAt(placeOf(end)) }
}

const placeOf = ({ created, agent_id }: Row) => [created, agent_id]
type Row = Agent & { created: number }

async function read(
  db: IdpDatabase,
  caller: Caller,
  { agentType, deploymentEnv, ...same }: Pick<Wanted, 'status' | 'name' | 'agentType' | 'deploymentEnv'>,
  after: z.infer<typeof timedPosition> | undefined,
  limit: number,
): Promise<Row[]> {
  const wanted = { ...same, agent_type: agentType, deployment_env: deploymentEnv }
  let query = db
    .selectFrom('agents')
    .selectAll()
    .select(microsecondsOf('created_at').as('created'))
    .where('organization_id', '=', caller.organizationId)
  for (const [column, value] of Object.entries(wanted)) {
    if (value !== undefined) query = query.where(column as 'name', '=', value)
  }
  if (after) query = query.where(isAfter('created_at', 'agent_id', after))
  return await query.orderBy('created_at').orderBy('agent_id').limit(limit).execute()
}
