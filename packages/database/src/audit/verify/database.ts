import { type Kysely, sql } from 'kysely'
import type { DatabaseTables } from '../../tables.ts'
import { canonicalText, type EventRow, readTail } from '../canonical.ts'
import { complaints, vouchOf } from '../checkpoints.ts'
import { prefixLeaf } from '../merkle/hash.ts'
import { heightOfLevel, type TreeNode } from '../merkle/range.ts'
import { fingerprintOf } from '../note.ts'
import { findUnchained, findWaiting } from './events.ts'
import { Findings, type ProblemCode, type Verdict } from './findings.ts'
import { vouchesOutside } from './outside.ts'
import { type Vouch, Walk } from './walk.ts'

type Db = Kysely<DatabaseTables>

/** What the chain in the database is held against, besides itself. */
export interface DatabaseOptions {
  /** The key by which checkpoints are signed. */
  publicKey: Buffer
  /** The text of the file of checkpoints outside. */
  outside?: string
  /** What an instance saw itself. */
  seen?: readonly Vouch[]
}

/** A row of the chain beside the event that it tells of, whose columns are null when it is gone. */
interface Row extends EventRow {
  seq: number
  event_id: string
  hash: string
  text: string
}

/** What is compared in one go: a process that issues tokens meanwhile must not stand still for long. */
const pageSize = 256
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
  const size = await lastSeq(db)
  walk.expect([...vouchesOutside(options.outside ?? '', options.publicKey, findings), ...(options.seen ?? [])])
  let [checkedCount, after] = [0, 0]
  for (let page = await readPage(db, after, size); page.length > 0; page = await readPage(db, after, size)) {
    const upTo = page.at(-1)?.seq ?? size
    walk.expect(await vouchesBetween(db, after, upTo, options.publicKey, findings))
    for (const row of page) checkRow(row, walk.take(prefixLeaf(row.text)), findings)
    strange.push(...(await differing(db, nodes.splice(0))))
    checkedCount += page.length
    after = upTo
  }
  walk.expect(await vouchesBetween(db, size, null, options.publicKey, findings))
  walk.finish()
  strange.push(...(await differing(db, nodes.splice(0))))
  for (const node of strange) sayNode(node, walk.vouchedFor, findings)
  await findUnsigned(db, size, walk.vouchedFor, findings)
  await findUnchained(db, findings)
  await findWaiting(db, lateMs, findings)
  return findings.verdict({ checkedCount, size, root: walk.root(), signer: fingerprintOf(options.publicKey) })
}

async function lastSeq(db: Db): Promise<number> {
  const row = await db.selectFrom('audit_chain').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  return row?.seq ?? 0
}

async function readPage(db: Db, after: number, upTo: number): Promise<Row[]> {
  const { rows } = await sql<Row>`
    SELECT c.seq, c.event_id, encode(c.hash, 'hex') AS hash, c.text,
      e.id, e.at, e.action, e.outcome, e.actor, e.agent_id, e.organization_id, e.details
    FROM audit_chain c LEFT JOIN audit_events e ON e.id = c.event_id
    WHERE c.seq > ${after} AND c.seq <= ${upTo} ORDER BY c.seq LIMIT ${pageSize}`.execute(db)
  return rows
}

function checkRow(row: Row, hash: string, findings: Findings): void {
  const { seq, event_id: eventId } = row
  const find = (code: ProblemCode, message: string) => findings.add(code, message, { seq, eventId })
  if (hash !== row.hash) find('hash-changed', `the text of event ${seq} does not have its hash`)
  if (row.id === null) find('event-removed', `event ${seq} is gone, its text is left`)
  else if (!isTextOf(row)) find('event-changed', `event ${seq} is not as its text tells it`)
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
async function vouchesBetween(db: Db, after: number, upTo: number | null, key: Buffer, findings: Findings) {
  const { rows } = await sql<{ size: number; root: string; head: string; note: string }>`
    SELECT size, encode(root, 'hex') AS root, encode(head, 'hex') AS head, note FROM audit_checkpoints
    WHERE size > ${after} AND size <= coalesce(${upTo}::bigint, size)
      AND (${upTo}::bigint IS NOT NULL OR NOT EXISTS (SELECT FROM audit_chain WHERE seq > ${after}))
    ORDER BY size`.execute(db)
  return rows.flatMap(({ size, root, head, note }) => {
    const vouch = vouchOf(note, key, 'the checkpoint')
    const wrong = typeof vouch === 'string' ? vouch : disagrees({ size, root, head }, vouch)
    if (wrong === undefined) return [vouch as Vouch]
    findings.add(wrong, `the checkpoint of ${size} events ${complaints[wrong]}`, { seq: size })
    return []
  })
}

function disagrees(row: Omit<Vouch, 'by'>, said: Vouch): 'checkpoint-invalid' | undefined {
  return row.size === said.size && row.root === said.root && row.head === said.head ? undefined : 'checkpoint-invalid'
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

async function findUnsigned(db: Db, size: number, vouchedFor: number, findings: Findings): Promise<void> {
  const { rows } = await sql<{ size: number; late: boolean }>`
    SELECT size, at < clock_timestamp() - ${lateMs} * interval '1 millisecond' AS late
    FROM audit_checkpoints WHERE size <= ${size} ORDER BY size DESC LIMIT 1`.execute(db)
  const signed = Math.max(rows[0]?.size ?? 0, vouchedFor)
  if (size <= signed || rows[0]?.late === false) return
  const seq = signed + 1
  findings.add('unsigned', `no checkpoint covers events ${seq} to ${size}`, { seq })
}
