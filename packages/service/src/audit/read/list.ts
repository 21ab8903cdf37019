import { type DatabaseTables, listEvents } from '@rekey/database'
import { z } from 'zod'
import type { App } from '../../http/app.ts'
import { cursorAt, nextCursor, pageOf, pageQuery, positionOf } from '../../http/page.ts'
import { lineOf } from '../../http/text.ts'
import { isoOrNull } from '../../http/time.ts'
import type { Audited, AuditReading } from './routes.ts'
import { auditEvent } from './shapes.ts'

const time = z.union([z.iso.datetime({ offset: true }), z.iso.date()]).transform((text) => Date.parse(text))

const querystring = z.object({
  action: lineOf(100).optional(),
  outcome: z.enum(['success', 'refused', 'failed']).optional(),
  actor: lineOf(300).optional(),
  agentId: lineOf(300).optional(),
  from: time.optional().describe('Events at or after this time. A day begins in UTC'),
  to: time.optional().describe('Events before this time'),
  order: z.enum(['newest', 'oldest']).default('newest').describe('Which come first'),
  ...pageQuery,
})

const place = z.int().positive()
const waitingSince = z
  .string()
  .nullable()
  .describe('Of what happened since then some may not be listed yet: it waits for its place, a second at most')

/** What happened, as far as whoever asks sees it. */
export function listRoute<Tables extends DatabaseTables>(
  app: App,
  { connection }: Audited<Tables>,
  { path, read, sees }: AuditReading,
): void {
  const schema = {
    tags: ['audit'],
    summary: 'List events',
    querystring,
    response: { 200: z.object({ events: z.array(auditEvent), nextCursor, waitingSince }) },
  }
  app.get(path, { onRequest: read, schema }, async (request) => {
    const { limit, cursor, order, ...filter } = request.query
    const found = await listEvents(
      connection.db,
      { ...filter, ...sees(request) },
      { limit: limit + 1, after: positionOf(cursor, place), order: order === 'newest' ? 'desc' : 'asc' },
    )
    const page = pageOf(found.events, limit, ({ seq }) => seq)
    const goesOn = found.stoppedAt === undefined ? null : cursorAt(found.stoppedAt)
    return { events: page.rows, nextCursor: page.nextCursor ?? goesOn, waitingSince: isoOrNull(found.waitingSince) }
  })
}
