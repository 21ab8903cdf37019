import { type Kysely, sql, type Transaction } from 'kysely'
import { usedRootKeys } from '../sealing/used.ts'
import type { DatabaseTables } from '../tables.ts'
import { canonicalText, type EventRow } from './canonical.ts'
import { formerOf } from './former.ts'
import { type Glance, glance } from './glance.ts'
import type { CheckpointKeys } from './keys.ts'
import { leafHash } from './merkle/hash.ts'
import type { CompactRange, TreeNode } from './merkle/range.ts'
import { type AuditSigner, signersOf } from './signer.ts'
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
  /** Fingerprints of keys that are older than one that was seen to have signed. */
  readonly #replaced = new Set<string>()

  constructor(db: Db, signer: AuditSigner, watch: Watch, onError: (error: unknown) => void) {
    this.#db = db
    this.#signer = signer
    this.keys = { publicKey: signer.publicKey, origin: signer.origin }
    this.#watch = watch
    this.#onError = onError
  }

  /** Begins with what the file outside tells. */
  async recall(outside: string): Promise<void> {
    const rootKeys = await usedRootKeys(this.#db)
    this.#reach(this.#watch.recall(outside, signersOf(this.#signer, rootKeys)), rootKeys)
  }

  /**
   * This key was seen to have signed: none of before it is believed to have done so last, in whatever order they stand later.
   * Of one that was never sealed under it is not known whether it is older.
   */
  #reach(publicKey: Buffer | undefined, rootKeys: readonly string[]): void {
    const signers = this.#able(rootKeys)
    const at = signers.findIndex((each) => publicKey?.equals(each.publicKey))
    if (at === -1) return
    const older = signers.slice(at + 1).filter(({ rootKey }) => rootKeys.includes(rootKey))
    for (const { fingerprint } of older) this.#replaced.add(fingerprint)
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
    const signer = this.#isDue(look, range.size, signEveryMs) ? this.#signerAfter(look) : undefined
    const signed = signer && (await sign(transaction, signer, range, head, look))
    await write(transaction, look.size, links, nodes)
    if (signed) await writeCheckpoint(transaction, range, head, signed.note, look.now)
    const isFull = waiting.length === batchSize
    this.#past = isFull && links.length === 0 ? (waiting.at(-1)?.inserted ?? 0) : 0
    return { range: range.copy(), head, signed, more: isFull }
  }

  async #glance(db: Db): Promise<Glance> {
    const look = await glance(db, (rootKeys) => this.#able(rootKeys))
    this.#reach(look.keys?.publicKey, look.rootKeys)
    return look
  }

  /** Those that are held and not replaced, the newest first. */
  #able(rootKeys: readonly string[]): readonly AuditSigner[] {
    return signersOf(this.#signer, rootKeys).filter(({ fingerprint }) => !this.#replaced.has(fingerprint))
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
    const signer = this.#signerAfter(look)
    if (this.#watch.broken || !signer) return false
    if (signed === null || signedAt === null) return true
    const isOther = !keys?.publicKey.equals(signer.publicKey)
    return size > signed && (isOther || Math.abs(now - signedAt) >= signEveryMs)
  }

  /**
   * Who is to sign: the newest root key's signer, or nobody where that is not held here. Another instance may hear before this
   * one that the root key was replaced. One that never hears of it would go on signing by a key that may have leaked, and
   * the audit could not be verified any more.
   */
  #signerAfter({ rootKeys, keys }: Glance): AuditSigner | undefined {
    const able = this.#able(rootKeys)
    const [newest] = rootKeys
    if (newest !== undefined) return able.find(({ rootKey }) => rootKey === newest)
    // Nobody wrote down yet which is sealed under: not by one that is older than the one that signs already.
    const last = able.findIndex(({ publicKey }) => keys?.publicKey.equals(publicKey))
    const newer = last === -1 ? able : able.slice(0, last + 1)
    return newer.find(({ rootKey }) => rootKey === this.#signer.rootKey) ?? newer.at(-1)
  }
}

async function sign(
  db: Db,
  signer: AuditSigner,
  range: CompactRange,
  head: string,
  look: Glance,
): Promise<Batch['signed']> {
  const { publicKey, origin } = signer
  const former = await formerOf(db, signer, look)
  const time = new Date(look.now).toISOString()
  const note = signer.note({ size: range.size, root: range.root(), head, time, former })
  return { note, keys: { publicKey, origin, former } }
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
