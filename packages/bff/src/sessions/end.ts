import { currentRevision, recordChange } from '@rekey/database'
import { storable, transact } from '@rekey/service'
import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { Bff } from '../bff.ts'
import type { BffDatabase, BffTables } from '../tables.ts'
import { recordEnding } from './endings.ts'
import { changeKey, sessionTopic } from './memory.ts'

/** Which sessions are to end. */
export type Selection = Whose & {
  /** Only those begun before that moment, in milliseconds. */
  readonly issuedBefore?: number | undefined
}

type Whose =
  | { readonly all: true }
  | { readonly session: string }
  /** With a revision: unless its tokens were refreshed since. */
  | { readonly session: string; readonly revision: number }
  | { readonly sub: string; readonly issuer?: string | undefined }
  | { readonly sid: string; readonly sub?: string | undefined; readonly issuer?: string | undefined }
  /** Whose newest cookie that was presented is by one of these versions of keyring `session`. */
  | { readonly sealedBy: readonly string[] }
  | { readonly issuedBefore: number }

/** Who ends them, and why, for the audit. */
export interface Cause {
  readonly actor: string
  readonly reason: string
  /** The provider itself has ended its session. */
  readonly isForGood?: boolean
}

export interface EndedSession {
  readonly id: string
  /** Where they are of one user. */
  readonly sealedTokens: string | undefined
}

type Ending = Pick<Bff, 'connection'> & { view: Pick<Bff['view'], 'everywhere'> }

/** Of one transaction: PostgreSQL ends those that take long. */
const mostTogether = 5_000

/**
 * Ends sessions: their rows are deleted, and when this resolves every live instance refuses them, or holds no lease. That holds
 * for those too that were deleted before: whoever asks again, because the reply was lost, is told no sooner.
 *
 * @returns how many there were
 */
export async function endSessions(
  bff: Ending,
  selection: Selection,
  actor: string,
  reason = 'operator',
): Promise<number> {
  let count = 0
  await endEach(bff, selection, { actor, reason }, (ended) => {
    count += ended.length
  })
  return count
}

/** The same, for whoever has a use for what there was. */
export async function endEach(
  { connection, view }: Ending,
  selection: Selection,
  cause: Cause,
  take: (ended: readonly EndedSession[]) => void,
): Promise<void> {
  for (;;) {
    const batch = await transact(connection.db, (transaction) => endIn(transaction, selection, cause))
    take(batch.sessions)
    if (batch.isLast) return view.everywhere(batch.revision)
  }
}

/** Ends those that hang on versions of keyring `session` that were revoked, and no others. */
export function endSessionsSealedBy(bff: Ending, versions: readonly string[], actor: string): Promise<number> {
  return endSessions(bff, { sealedBy: versions }, actor, 'revoked')
}

/** In a transaction of the caller, who waits for the revision of the last ones everywhere. At most 5,000 at once. */
export async function endIn(
  transaction: Transaction<BffTables>,
  selection: Selection,
  { actor, reason, isForGood = false }: Cause,
): Promise<{ sessions: EndedSession[]; revision: number; isLast: boolean }> {
  await recordEnding(transaction, selection, isForGood)
  // In an order, so that two who end the same sessions wait for each other and not in a circle.
  const { rows } = await sql<{ id: string; sub: string; sealed_tokens: string | null }>`
    DELETE FROM sessions WHERE session_id IN (
      SELECT session_id FROM sessions WHERE ${condition(selection)} ORDER BY session_id LIMIT ${mostTogether} FOR UPDATE)
    RETURNING session_id AS id, sub, ${isOfOneUser(selection) ? sql.ref('sealed_tokens') : sql`NULL`} AS sealed_tokens
    `.execute(transaction)
  const isLast = rows.length < mostTogether
  const [first] = rows
  if (!first) return { sessions: [], revision: (await currentRevision(transaction)).n, isLast }
  const only = rows.length === 1 ? { session: first.id, sub: first.sub } : {}
  const key = changeKey(rows.map(({ id }) => id))
  const revision = await recordChange(transaction, sessionTopic, key, {
    action: 'session.ended',
    outcome: 'success',
    actor: storable(actor),
    details: storable({ reason, count: rows.length, ...only, selection: shown(selection) }),
  })
  const sessions = rows.map((row) => ({ id: row.id, sealedTokens: row.sealed_tokens ?? undefined }))
  return { sessions, revision, isLast }
}

/** Only then somebody has a use for the tokens: of thousands they would fill the memory. */
const isOfOneUser = (selection: Selection) => 'session' in selection || 'sub' in selection

/** How many live sessions hang on each version of keyring `session`, or of `token-hash`, and when the last of them ends. */
export async function sessionsBy(
  db: BffDatabase,
  column: 'sealed_by' | 'salt_version',
): Promise<Map<string, { count: number; until: number }>> {
  const { rows } = await sql<{ version: string; count: number; until: number }>`
    SELECT ${sql.ref(column)} AS version, count(*) AS count, max(expires_at) AS until
    FROM sessions WHERE expires_at > now() GROUP BY 1`.execute(db)
  return new Map(rows.map(({ version, count, until }) => [version, { count, until }]))
}

function condition(selection: Selection): RawBuilder<unknown> {
  const { issuedBefore } = selection
  if (issuedBefore === undefined) return whose(selection)
  return sql`${whose(selection)} AND created_at < ${new Date(issuedBefore)}`
}

function whose(selection: Whose): RawBuilder<unknown> {
  if ('all' in selection) return sql`true`
  if ('revision' in selection) {
    return sql`session_id = ${selection.session} AND revision = ${selection.revision}`
  }
  if ('session' in selection) return sql`session_id = ${selection.session}`
  if ('sealedBy' in selection) return sql`sealed_by = ANY(${[...selection.sealedBy]})`
  if (!('sub' in selection || 'sid' in selection)) return sql`true`
  const known = [
    'sid' in selection ? sql`sid = ${selection.sid}` : undefined,
    selection.sub === undefined ? undefined : sql`sub = ${selection.sub}`,
    selection.issuer === undefined ? undefined : sql`issuer = ${selection.issuer}`,
  ]
  return sql.join(
    known.filter((part) => part !== undefined),
    sql` AND `,
  )
}

function shown({ issuedBefore, ...selection }: Selection): Record<string, unknown> {
  return issuedBefore === undefined ? selection : { ...selection, issuedBefore: new Date(issuedBefore).toISOString() }
}
