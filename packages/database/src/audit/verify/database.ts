import { type Kysely, sql } from 'kysely'
import { type Clock, monotonicClock } from '../../clock.ts'
import type { DatabaseTables } from '../../tables.ts'
import { canonicalText, type EventRow, readTail } from '../canonical.ts'
import { complaints, vouchOf } from '../checkpoints.ts'
import type { CheckpointKeys } from '../keys.ts'
import { prefixLeaf } from '../merkle/hash.ts'
import { heightOfLevel, type TreeNode } from '../merkle/range.ts'
import { newestCheckpoint } from '../newest.ts'
import { fingerprintOf } from '../note.ts'
import { inTurns, signaturesAtOnce } from '../turns.ts'
import { findStrangeNumbers, findUnchained, findWaiting } from './events.ts'
import { Findings, type ProblemCode, type Verdict } from './findings.ts'
import { vouchesOutside } from './outside.ts'
import { type Vouch, Walk } from './walk.ts'

type Db = Kysely<DatabaseTables>

/** What the chain in the database is held against, besides itself: the keys by which checkpoints are signed, and more. */
export interface DatabaseOptions extends CheckpointKeys {
  /** The text of the file of checkpoints outside. */
  outside?: string
  /** What an instance saw itself. */
  seen?: readonly Vouch[]
  /** Told after each page how long it took: returns when the next one may be read. */
  rest?: (workedMs: number) => Promise<void>
  clock?: Clock
}

/** A row of the chain beside the event that it tells of, whose columns are null when it is gone. */
interface Row extends EventRow {
  seq: number
  event_id: string
  hash: string
  text: string
  /** Whether the details are those of the text, number by number: doubles do not tell 10 from 10.00000000000000000001. */
  exact: boolean | null
}

const pageSize = 256
/** Rows that are compared in one go. */
const rowsAtOnce = 16
/** For how long a chain may go without a checkpoint for what it holds, and an event without a place in it. */
const lateMs = 10_000

/**
 * Compares everything with everything: texts, hashes, links and places, rows of events, nodes of the tree, checkpoints here
 * and outside, and events that are not in the chain. Page by page: what is added meanwhile is left to the next time.
 */
export async function verifyDatabase(db: Db, options: DatabaseOptions): Promise<Verdict> {
  const findings = new Findings()
  const nodes: TreeNode[] = []
  const walk = new Walk(findings, (node) => nodes.push(node))
  const strange: TreeNode[] = []
  const { clock = monotonicClock } = options
  const size = await lastSeq(db)
  const outside = await vouchesOutside(options.outside ?? '', options, findings)
  await findRemovedCheckpoints(
    db,
    outside.filter((vouch) => vouch.size <= size),
    findings,
  )
  await findStrangeNumbers(db, findings)
  walk.expect(outside)
  walk.expect(options.seen ?? [])
  walk.expect(await vouchesBetween(db, -1, 0, options, findings))
  let [checkedCount, after] = [0, 0]
  for (;;) {
    const begun = clock()
    const page = await readPage(db, after, size)
    if (page.length === 0) break
    const upTo = page.at(-1)?.seq ?? size
    walk.expect(await vouchesBetween(db, after, upTo, options, findings))
    for await (const rows of inTurns(page, rowsAtOnce)) {
      for (const row of rows) checkRow(row, walk.take(prefixLeaf(row.text)), findings)
    }
    strange.push(...(await differing(db, nodes.splice(0))))
    checkedCount += page.length
    after = upTo
    await options.rest?.(clock() - begun)
  }
  walk.expect(await vouchesBetween(db, size, null, options, findings))
  walk.finish()
  strange.push(...(await differing(db, nodes.splice(0))))
  for (const node of strange) sayNode(node, walk.vouchedFor, findings)
  await findUnsigned(db, size, walk.vouchedFor, options, findings)
  await findUnchained(db, findings, options)
  await findWaiting(db, lateMs, findings)
  return findings.verdict({ checkedCount, size, root: walk.root(), signer: fingerprintOf(options.publicKey) })
}

async function lastSeq(db: Db): Promise<number> {
  const row = await db
    .selectFrom('audit_chain')
    .select('seq')
    .where('seq', '<=', Number.MAX_SAFE_INTEGER)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.seq ?? 0
}

async function readPage(db: Db, after: number, upTo: number): Promise<Row[]> {
  const { rows } = await sql<Row>`
    SELECT c.seq, c.event_id, encode(c.hash, 'hex') AS hash, c.text,
      e.id, e.at, e.action, e.outcome, e.actor, e.agent_id, e.organization_id, e.details,
      CASE WHEN pg_input_is_valid(c.text, 'jsonb') THEN e.details = (c.text::jsonb -> 'details') END AS exact
    FROM audit_chain c LEFT JOIN audit_events e ON e.id = c.event_id
    WHERE c.seq > ${after} AND c.seq <= ${upTo} ORDER BY c.seq LIMIT ${pageSize}`.execute(db)
  return rows
}

function checkRow(row: Row, hash: string, findings: Findings): void {
  const { seq, event_id: eventId } = row
  const find = (code: ProblemCode, message: string) => findings.add(code, message, { seq, eventId })
  if (hash !== row.hash) find('hash-changed', `the text of event ${seq} does not have its hash`)
  if (row.id === null) find('event-removed', `event ${seq} is gone, its text is left`)
  else if (!row.exact || !isTextOf(row)) find('event-changed', `event ${seq} is not as its text tells it`)
}

function isTextOf(row: Row): boolean {
  const tail = readTail(Buffer.from(row.text))
  try {
    return tail !== undefined && canonicalText(row, row.seq, tail.previousHash) === row.text
  } catch {
    // It holds what no event that was written down can: half a character, or a number beyond all numbers.
    return false
  }
}

/** The words of the checkpoints of these sizes; without an end, of those that cover more than there still is. */
async function vouchesBetween(db: Db, after: number, upTo: number | null, keys: CheckpointKeys, findings: Findings) {
  const { rows } = await sql<{ size: number; root: string; head: string; note: string; at: number }>`
    SELECT size, encode(root, 'hex') AS root, encode(head, 'hex') AS head, note, at FROM audit_checkpoints
    WHERE size > ${after} AND size <= coalesce(${upTo}::bigint, ${Number.MAX_SAFE_INTEGER}::bigint)
      AND (${upTo}::bigint IS NOT NULL OR NOT EXISTS (SELECT FROM audit_chain WHERE seq > ${after}))
    ORDER BY size`.execute(db)
  const vouches: Vouch[] = []
  for await (const some of inTurns(rows, signaturesAtOnce)) {
    for (const { note, ...row } of some) {
      const vouch = vouchOf(note, keys, 'the checkpoint')
      const wrong = typeof vouch === 'string' ? vouch : disagrees(row, vouch)
      if (wrong === undefined) vouches.push(vouch as Vouch)
      else findings.add(wrong, `the checkpoint of ${row.size} events ${complaints[wrong]}`, placeOf(row.size))
    }
  }
  return vouches
}

function disagrees(row: Pick<Vouch, 'size' | 'root' | 'head'> & { at: number }, said: Vouch) {
  const { size, root, head, time = '' } = said
  const isSaid = row.size === size && row.root === root && row.head === head && row.at === Date.parse(time)
  return isSaid ? undefined : 'checkpoint-invalid'
}

/** No event has the number 0. */
const placeOf = (size: number) => (size > 0 ? { seq: size } : {})

/** Who kept them outside saw them in the database. No event is wrong for that, so it has no place in the chain. */
async function findRemovedCheckpoints(db: Db, outside: readonly Vouch[], findings: Findings): Promise<void> {
  const { rows } = await sql<{ count: number; first: number | null }>`
    SELECT count(*) AS count, min(kept.size) AS first FROM unnest(${outside.map(({ size }) => size)}::bigint[]) AS kept (size)
    WHERE NOT EXISTS (SELECT FROM audit_checkpoints c WHERE c.size = kept.size)`.execute(db)
  const { count, first } = rows[0] ?? { count: 0, first: null }
  if (first === null) return
  findings.add(
    'checkpoint-removed',
    `${count} checkpoints are kept outside and gone here, the first of ${first} events`,
  )
}

/** Those that are stored otherwise, or not at all. */
async function differing(db: Db, nodes: readonly TreeNode[]): Promise<TreeNode[]> {
  if (nodes.length === 0) return []
  const column = (member: 'level' | 'index') => nodes.map((node) => node[member])
  const { rows } = await sql<TreeNode>`
    SELECT level, index, encode(hash, 'hex') AS hash
    FROM audit_nodes JOIN unnest(${column('level')}::int[], ${column('index')}::bigint[]) AS wanted (level, index)
      USING (level, index)`.execute(db)
  const stored = new Map(rows.map(({ level, index, hash }) => [`${level}/${index}`, hash]))
  return nodes.filter(({ level, index, hash }) => stored.get(`${level}/${index}`) !== hash)
}

/** A node is wrong as well when something below it is; that says nothing new. */
function sayNode({ level, index }: TreeNode, vouchedFor: number, findings: Findings): void {
  const leaves = 2 ** (heightOfLevel * level)
  const [from, to] = [index * leaves + 1, (index + 1) * leaves]
  if (findings.hasWithin(from, to)) return
  const seq = vouchedFor >= to ? from : Math.max(from, vouchedFor + 1)
  findings.add('node-changed', `the stored root of events ${from} to ${to} is another one`, { seq })
}

async function findUnsigned(
  db: Db,
  size: number,
  vouchedFor: number,
  keys: CheckpointKeys,
  findings: Findings,
): Promise<void> {
  const newest = await newestCheckpoint(db, [keys])
  const signed = Math.max(newest?.size ?? 0, vouchedFor)
  if (size <= signed || (newest && (await databaseTime(db)) - Date.parse(newest.time) < lateMs)) return
  const seq = signed + 1
  findings.add('unsigned', `no checkpoint covers events ${seq} to ${size}`, { seq })
}

async function databaseTime(db: Db): Promise<number> {
  const { rows } = await sql<{ now: number }>`SELECT clock_timestamp() AS now`.execute(db)
  return rows[0]?.now ?? 0
}
