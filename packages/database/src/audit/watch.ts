import type { Kysely } from 'kysely'
import { DatabaseError } from '../error.ts'
import type { DatabaseTables } from '../tables.ts'
import { linesOfFile, readCheckpointLine } from './checkpoints.ts'
import type { Glance } from './glance.ts'
import { type CheckpointKeys, openByKeys } from './keys.ts'
import type { CompactRange } from './merkle/range.ts'
import { type Checkpoint, openNote } from './note.ts'
import { rangeAt } from './tree.ts'
import type { Vouch } from './verify/walk.ts'

type Db = Kysely<DatabaseTables>

/** Whoever exchanges the chain again and again must not fill the memory. */
const mostLost = 1000

/**
 * What an instance has seen of the chain, by which it knows the chain again: size, root and head. Whoever takes events off
 * its end, or writes it anew, can do so in the database, but not here.
 */
export class Watch {
  #seen: Vouch | undefined
  /** What it had seen whenever the chain turned out to be another one: the first is how it was while it was right. */
  readonly #lost: Vouch[] = []
  #range: CompactRange | undefined
  #broken: DatabaseError | undefined
  #breaks = 0
  /** The size of the newest checkpoint in the file outside. */
  #kept = -1

  /** How the chain was first found to be another one. It stays so until a verification says otherwise: see `mend`. */
  get broken(): DatabaseError | undefined {
    return this.#broken
  }

  /** How often it was found to be another one, or unreadable. */
  get breaks(): number {
    return this.#breaks
  }

  get size(): number {
    return this.#broken === undefined ? (this.#seen?.size ?? 0) : (this.#range?.size ?? 0)
  }

  /** What a verification is to hold the chain against; of a broken chain, what it was before, and what it was since. */
  vouches(): Vouch[] {
    return [...this.#lost, ...(this.#seen ? [this.#asRemembered(this.#seen)] : [])]
  }

  /** A verification has found everything right, and nothing was found broken since it asked for `vouches`. */
  mend(): void {
    this.#broken = undefined
    this.#lost.length = 0
  }

  /**
   * Begins with the newest checkpoint of the file outside: of the newest key that signed one.
   *
   * @param signers the newest first
   * @returns that key
   */
  recall(text: string, signers: readonly CheckpointKeys[]): Buffer | undefined {
    const notes = linesOfFile(text).map((line) => readCheckpointLine(line)?.checkpoint ?? '')
    for (const { publicKey } of signers) {
      for (const note of notes.toReversed()) {
        const checkpoint = openNote(note, publicKey)
        if (!checkpoint) continue
        this.#seen = { ...checkpoint, by: 'the newest checkpoint outside' }
        this.#kept = checkpoint.size
        return publicKey
      }
    }
    return undefined
  }

  /**
   * Follows the chain to where it stands.
   *
   * @returns its tree, to be chained on
   * @throws DatabaseError `AUDIT_DAMAGED` when too little is left of it
   */
  async follow(db: Db, { size, head }: Pick<Glance, 'size' | 'head'>): Promise<CompactRange> {
    if (this.#range?.size === size && this.#seen?.size === size && this.#seen.head === head) return this.#range
    const range = await this.#read(db, size)
    await this.#hold(db, range, head)
    this.extend(range, head)
    return range
  }

  /** The chain has grown, by this instance's own doing. */
  extend(range: CompactRange, head: string): void {
    this.#range = range
    this.#seen = { size: range.size, root: range.root(), head, by: 'what an instance has seen' }
  }

  /**
   * Whether a checkpoint is to be kept outside: it is new, signed by the audit's key, and says of the chain what it is.
   *
   * @returns the checkpoint, if so
   */
  async admit(db: Db, note: string, keys: CheckpointKeys): Promise<Checkpoint | undefined> {
    const checkpoint = openByKeys(note, keys)
    if (checkpoint && checkpoint.size <= this.#kept) return undefined
    const range = checkpoint && (await this.#read(db, checkpoint.size))
    if (checkpoint?.root !== range?.root() || !checkpoint) {
      this.#break(checkpoint?.size ?? this.size, 'the newest checkpoint is not one of this audit')
    }
    return this.#broken ? undefined : checkpoint
  }

  /** A checkpoint of this size is on the disk. */
  keep(size: number): void {
    this.#kept = size
  }

  async #hold(db: Db, range: CompactRange, head: string): Promise<void> {
    const seen = this.#seen
    if (!seen) return
    if (range.size < seen.size) return this.#lose(seen, range.size + 1, `the chain held ${seen.size} events before`)
    const then = range.size === seen.size ? range : await this.#read(db, seen.size)
    const isSame = then.root() === seen.root && (range.size > seen.size || head === seen.head)
    if (!isSame) this.#lose(seen, seen.size, `the first ${seen.size} events are not those that were there before`)
  }

  #lose(seen: Vouch, seq: number, how: string): void {
    if (this.#lost.length === mostLost) this.#lost.splice(1, 1)
    this.#lost.push(this.#asRemembered(seen))
    this.#break(seq, how)
  }

  #asRemembered(seen: Vouch): Vouch {
    return this.#lost.length === 0 ? seen : { ...seen, onlyAccuses: true }
  }

  async #read(db: Db, size: number): Promise<CompactRange> {
    try {
      return await rangeAt(db, size)
    } catch (error) {
      if (error instanceof DatabaseError && error.code === 'AUDIT_DAMAGED') this.#note(error)
      throw error
    }
  }

  #break(seq: number, how: string): void {
    this.#note(new DatabaseError('AUDIT_DAMAGED', `The audit chain is broken: ${how}.`, { facts: { seq } }))
  }

  #note(error: DatabaseError): void {
    this.#broken ??= error
    this.#breaks += 1
  }
}
