import { type Kysely, sql, type Transaction } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import { canonicalText, type EventRow } from './canonical.ts'
import { type Glance, glance } from './glance.ts'
import type { CheckpointKeys, FormerKey } from './keys.ts'
import { leafHash } from './merkle/hash.ts'
import type { CompactRange, TreeNode } from './merkle/range.ts'
import type { AuditSigner } from './signer.ts'
import type { Watch } from './watch.ts'

type Db = Kysely<DatabaseTables>

/** An event that waits. Its columns are null when somebody removed it; it stands in the chain already when somebody put it back. */
interface Waiting extends EventRow {
  inserted: number
  chained: boolean
}

interface Link {
  inserted: number
  id: string
  hash: string
  text: string
}

interface Batch {
  range: CompactRange
  head: string
  signed: { note: string; keys: CheckpointKeys } | undefined
  more: boolean
}

const batchSize = 500
const usuallySignEveryMs = 1000
/** Any constant would do; this one spells "chain" in ASCII. */
const lockKey = 0x63_68_61_69_6e

/** Gives events their places, a batch in each transaction. */
export class Chainer {
  readonly #db: Db
  readonly #signer: AuditSigner
  readonly #watch: Watch
  readonly #onError: (error: unknown) => void
  /** Rows up to here were found to be no use. */
  #past = 0
  /** The newest checkpoint. */
  note: string | null = null
  /** By which that is signed, and those of before. */
  keys: CheckpointKeys
  /** What it saw last. */
  look: Glance | undefined
  /** The newest key that was ever seen to have signed. */
  #reached: Buffer | undefined

  constructor(db: Db, signer: AuditSigner, watch: Watch, onError: (error: unknown) => void) {
    this.#db = db
    this.#signer = signer
    this.keys = { publicKey: signer.publicKey, origin: signer.origin }
    this.#watch = watch
    this.#onError = onError
  }

  /** This key was seen to have signed: none of before it is believed to have done so last. */
  reach(publicKey: Buffer | undefined): void {
    this.#reached = publicKey ?? this.#reached
  }

  /**
   * Chains the events that wait, if nobody else is about to.
   *
   * @param signEveryMs how close a checkpoint may follow on the one before
   * @returns whether there may be more of them
   */
  async advance(signEveryMs = usuallySignEveryMs): Promise<boolean> {
    const look = await this.#glance(this.#db)
    this.look = look
    await this.#watch.follow(this.#db, look)
    this.note = look.note
    this.keys = look.keys ?? this.keys
    if (look.waitingSince === null && !this.#isDue(look, look.size, signEveryMs)) return false
    const batch = await this.#db.transaction().execute((transaction) => this.#chain(transaction, signEveryMs))
    if (!batch) return false
    this.#watch.extend(batch.range, batch.head)
    if (batch.signed) Object.assign(this, batch.signed)
    return batch.more
  }

  async #chain(transaction: Transaction<DatabaseTables>, signEveryMs: number): Promise<Batch | undefined> {
    const lock = sql<{ mine: boolean }>`SELECT pg_try_advisory_xact_lock(${lockKey}) AS mine`
    if (!(await lock.execute(transaction)).rows[0]?.mine) return undefined
    // Only now: a statement sees what was committed before it began, and that is all of what the last holder did.
    const look = await this.#glance(transaction)
    const nodes: TreeNode[] = []
    const range = (await this.#watch.follow(transaction, look)).copy((node) => nodes.push(node))
    const waiting = await readWaiting(transaction, this.#past)
    const links = this.#link(waiting, range, look.head)
    const head = links.at(-1)?.hash ?? look.head
    const signed = this.#isDue(look, range.size, signEveryMs) ? this.#sign(range, head, look) : undefined
    await write(transaction, look.size, links, nodes)
    if (signed) await writeCheckpoint(transaction, range, head, signed.note, look.now)
    const isFull = waiting.length === batchSize
    this.#past = isFull && links.length === 0 ? (waiting.at(-1)?.inserted ?? 0) : 0
    return { range: range.copy(), head, signed, more: isFull }
  }

  async #glance(db: Db): Promise<Glance> {
    const look = await glance(db, this.#notBefore(this.#reached))
    this.reach(look.keys?.publicKey)
    return look
  }

  /** Those that are held, up to a key. */
  #notBefore(publicKey: Buffer | undefined): readonly AuditSigner[] {
    const all = this.#signer.all?.() ?? [this.#signer]
    const at = all.findIndex((each) => publicKey?.equals(each.publicKey))
    return at === -1 ? all : all.slice(0, at + 1)
  }

  #link(waiting: readonly Waiting[], range: CompactRange, head: string): Link[] {
    const links: Link[] = []
    let previous = head
    for (const row of waiting) {
      if (row.id === null || row.chained) continue
      const text = this.#textOf(row, range.size + 1, previous)
      if (text === undefined) continue
      previous = leafHash(text)
      range.append(previous)
      links.push({ inserted: row.inserted, id: row.id, hash: previous, text })
    }
    return links
  }

  /** A row that Rekey did not write may hold what cannot be spelled. It goes on waiting, the others do not. */
  #textOf(row: Waiting, seq: number, previous: string): string | undefined {
    try {
      return canonicalText(row, seq, previous)
    } catch (error) {
      this.#onError(error)
      return undefined
    }
  }

  /** An instance signs nothing that contradicts what it knows. (A clock that was set back must not stop it for hours.) */
  #isDue(look: Glance, size: number, signEveryMs: number): boolean {
    const { signed, signedAt, now, keys } = look
    if (this.#watch.broken) return false
    if (signed === null || signedAt === null) return true
    const isOther = !keys?.publicKey.equals(this.#signerAfter(look).publicKey)
    return size > signed && (isOther || Math.abs(now - signedAt) >= signEveryMs)
  }

  #sign(range: CompactRange, head: string, look: Glance): Batch['signed'] {
    const signer = this.#signerAfter(look)
    const former = formerOf(signer, look)
    const time = new Date(look.now).toISOString()
    const note = signer.note({ size: range.size, root: range.root(), head, time, former })
    return { note, keys: { publicKey: signer.publicKey, origin: signer.origin, former } }
  }

  /** Another instance may have heard before this one that the root key was replaced: nobody signs by an older key than it. */
  #signerAfter({ keys }: Glance): AuditSigner {
    const able = this.#notBefore(keys?.publicKey)
    return able.find(({ publicKey }) => publicKey.equals(this.#signer.publicKey)) ?? able.at(-1) ?? this.#signer
  }
}

/** The keys of before, with the one that signed last if this is the first checkpoint of another one. */
function formerOf(signer: AuditSigner, { keys, signed }: Glance): FormerKey[] {
  const known = keys?.former ?? []
  if (!keys || keys.publicKey.equals(signer.publicKey)) return [...known]
  return [...known, { publicKey: keys.publicKey, upTo: signed ?? 0 }]
}

// One look-up for each row that waits, whatever the planner believes: it knows little of a table that is mostly empty.
async function readWaiting(db: Db, past: number): Promise<Waiting[]> {
  const { rows } = await sql<Waiting>`
    SELECT w.inserted, e.*, EXISTS (SELECT FROM audit_chain c WHERE c.event_id = e.id) AS chained
    FROM (SELECT inserted FROM audit_waiting
        WHERE inserted > ${past} AND inserted <= ${Number.MAX_SAFE_INTEGER}::bigint ORDER BY inserted LIMIT ${batchSize}) AS w
      LEFT JOIN LATERAL (SELECT id, at, action, outcome, actor, agent_id, organization_id, details
        FROM audit_events WHERE audit_events.inserted = w.inserted OFFSET 0) AS e ON true
    ORDER BY w.inserted`.execute(db)
  return rows
}

// What is there already where a node belongs was put there by somebody else: a verification finds it.
async function write(db: Db, size: number, links: readonly Link[], nodes: readonly TreeNode[]): Promise<void> {
  if (links.length === 0) return
  const column = <M extends keyof Link>(member: M) => links.map((link) => link[member])
  const part = <M extends keyof TreeNode>(member: M) => nodes.map((node) => node[member])
  await sql`
    WITH chained AS (
      INSERT INTO audit_chain (seq, event_id, hash, text)
      SELECT ${size}::bigint + n, id, decode(hash, 'hex'), text
      FROM unnest(${column('id')}::uuid[], ${column('hash')}::text[], ${column('text')}::text[])
        WITH ORDINALITY AS link (id, hash, text, n)
    ), grown AS (
      INSERT INTO audit_nodes (level, index, hash)
      SELECT level, index, decode(hash, 'hex')
      FROM unnest(${part('level')}::int[], ${part('index')}::bigint[], ${part('hash')}::text[]) AS node (level, index, hash)
      ON CONFLICT DO NOTHING
    )
    DELETE FROM audit_waiting WHERE inserted = ANY (${column('inserted')}::bigint[])`.execute(db)
}

async function writeCheckpoint(db: Db, range: CompactRange, head: string, note: string, now: number): Promise<void> {
  await db
    .insertInto('audit_checkpoints')
    .values({
      size: range.size,
      root: Buffer.from(range.root(), 'hex'),
      head: Buffer.from(head, 'hex'),
      note,
      at: new Date(now),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}
