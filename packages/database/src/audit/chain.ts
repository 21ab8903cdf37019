import type { Kysely } from 'kysely'
import { type After, atMost, type Clock, monotonicClock, systemAfter } from '../clock.ts'
import type { DatabaseTables } from '../tables.ts'
import { Ages, type AuditAges } from './ages.ts'
import { isAway } from './away.ts'
import { Chainer } from './chainer.ts'
import { CheckpointFile } from './checkpoint-file.ts'
import { ownTables } from './own-tables.ts'
import { ChainReader } from './reader.ts'
import type { AuditSigner } from './signer.ts'
import type { Verdict } from './verify/findings.ts'
import { Watch } from './watch.ts'

/** How a chain is kept. */
export interface ChainOptions {
  signer: AuditSigner
  /** Where checkpoints are kept outside the database: a file of this instance's own, on a disk of its own if possible. */
  checkpointFile?: string
  /** How often it is looked whether there is something to chain; 250 ms by default. */
  everyMs?: number
  /** Told of what goes wrong between two looks: the database is away, the file cannot be written, the chain is broken. */
  onError?: (error: unknown) => void
  after?: After
  /** One that is never set back. */
  clock?: Clock
}

/** The audit chain as an instance keeps it: any number of them do so at once. */
export interface AuditChain {
  /** Looks at once, and returns when it has chained what waited, unless another instance is at it. Never rejects. */
  poke(): Promise<void>
  /**
   * false once the chain was seen to be another one than it was, a checkpoint of somebody else stood above ours, or the
   * last verification found something, or could not read what there is; until one finds everything right.
   */
  integrity(): boolean
  /** For how long what should happen all the time has not happened. */
  ages(): AuditAges
  /** Since when it is not: milliseconds since the epoch, by the database's clock. */
  brokenSince(): number | undefined
  /** How many events the chain held when it was last looked at. */
  size(): number
  /**
   * Verifies all of it: see `verifyDatabase`. Throws what the database and the file system throw. Where it finds everything
   * as it was ever seen, a chain that was broken is sound again, and is signed again.
   *
   * @param how `gently`: in the turn of this instance among all, and with rests, so that it takes a tenth of a core at most
   */
  verify(how?: { gently?: boolean }): Promise<Verdict>
  /** What the last verification found, and how many milliseconds ago. */
  last(): { verdict: Verdict; ageMs: number } | undefined
  /** Returns when what is under way has come to its end, and what the chain holds is signed, if the database is there. */
  close(): Promise<void>
}

/** After a failure, and between two failures: a database that is away need not be asked four times a second. */
const patienceMs = 1000
/** How long the last checkpoint may hold up the end of an instance. */
const lastMs = 2000

/**
 * Chains events, signs checkpoints, keeps them outside, and watches that the chain only ever grows.
 *
 * Every instance looks a few times a second; one at a time (an advisory lock) gives the events that wait their places. What
 * an instance has seen of the chain it remembers, from the file outside too: a chain that does not hold it any more is
 * broken for this instance, and it signs nothing for it.
 *
 * @throws DatabaseError, and what the file system throws when the file cannot be read
 */
export async function openChain<T extends DatabaseTables>(db: Kysely<T>, options: ChainOptions): Promise<AuditChain> {
  const chain = new Keeper(ownTables(db), options)
  await chain.open()
  return chain
}

class Keeper implements AuditChain {
  readonly #db: Kysely<DatabaseTables>
  readonly #options: ChainOptions
  readonly #file: CheckpointFile | undefined
  readonly #watch: Watch
  readonly #chainer: Chainer
  readonly #reader: ChainReader
  readonly #after: After
  readonly #clock: Clock
  readonly #ages: Ages
  #last: { verdict: Verdict; at: number } | undefined
  #doubted = false
  #doubts = 0
  #working: Promise<void> | undefined
  #toldBroken = false
  #brokenSince: number | undefined
  #cancel = () => {}
  #isAway = false
  #closing: Promise<void> | undefined

  constructor(db: Kysely<DatabaseTables>, options: ChainOptions) {
    this.#db = db
    this.#options = options
    const { checkpointFile: path, signer } = options
    this.#after = options.after ?? systemAfter
    this.#clock = options.clock ?? monotonicClock
    this.#ages = new Ages(this.#clock, path !== undefined)
    this.#watch = new Watch()
    this.#chainer = new Chainer(db, signer, this.#watch, (error) => options.onError?.(error))
    this.#file = path === undefined ? undefined : new CheckpointFile(path)
    this.#reader = new ChainReader(db, {
      watch: this.#watch,
      chainer: this.#chainer,
      file: this.#file,
      poke: () => this.poke(),
      clock: this.#clock,
      after: this.#after,
    })
  }

  async open(): Promise<void> {
    if (this.#file) await this.#chainer.recall(await this.#file.read())
    this.#schedule(0)
  }

  integrity(): boolean {
    return this.#watch.broken === undefined && !this.#doubted
  }

  ages(): AuditAges {
    return this.#ages.now()
  }

  last(): { verdict: Verdict; ageMs: number } | undefined {
    return this.#last && { verdict: this.#last.verdict, ageMs: this.#clock() - this.#last.at }
  }

  brokenSince(): number | undefined {
    return this.#brokenSince
  }

  size(): number {
    return this.#watch.size
  }

  async poke(): Promise<void> {
    // What is under way may have looked before the caller's event was there.
    await this.#working
    await this.#work()
  }

  async verify({ gently = false } = {}): Promise<Verdict> {
    const doubts = this.#doubts
    try {
      const verdict = await this.#reader.read(gently)
      // What another reading found wrong meanwhile may have been right yet when it was read here.
      if (verdict.verified && doubts !== this.#doubts) return verdict
      this.#last = { verdict, at: this.#clock() }
      if (verdict.verified) {
        this.#doubted = false
        this.#ages.verified()
      } else this.#doubt()
      return verdict
    } catch (thrown) {
      if (!isAway(thrown) && !this.#closing) this.#doubt()
      throw thrown
    } finally {
      this.#noteIntegrity()
    }
  }

  #doubt(): void {
    this.#doubted = true
    this.#doubts += 1
  }

  #noteIntegrity(): void {
    this.#brokenSince = this.integrity() ? undefined : (this.#brokenSince ?? this.#chainer.look?.now)
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    this.#reader.stop()
    return this.#closing
  }

  async #end(): Promise<void> {
    this.#cancel()
    while (this.#working) await this.#working
    if (this.#isAway) return
    // It stays under way: two looks at once could take the chain for one that was cut short.
    this.#working = this.#signLast()
    await atMost(lastMs, this.#working, this.#after)
  }

  /** Otherwise nothing would vouch for what happened last until an instance is at it again. */
  async #signLast(): Promise<void> {
    try {
      await this.#chainer.advance(0)
      await this.#keepOutside()
      await this.#reader.release()
    } catch (error) {
      this.#options.onError?.(error)
    }
  }

  #schedule(delayMs: number): void {
    if (this.#closing) return
    this.#cancel()
    this.#cancel = this.#after(delayMs, () => void this.#work())
  }

  /** One look at a time. */
  #work(): Promise<void> {
    this.#working ??= this.#look().finally(() => {
      this.#working = undefined
    })
    return this.#working
  }

  async #look(): Promise<void> {
    const { everyMs = 250, onError } = this.#options
    try {
      for (let more = true; more && !this.#closing; ) more = await this.#advance()
      await this.#keepOutside()
      this.#isAway = false
      this.#schedule(everyMs)
    } catch (error) {
      this.#isAway = true
      onError?.(error)
      this.#schedule(Math.max(patienceMs, everyMs))
    }
    if (this.#watch.broken && !this.#toldBroken) onError?.(this.#watch.broken)
    this.#toldBroken = this.#watch.broken !== undefined
    this.#noteIntegrity()
  }

  async #advance(): Promise<boolean> {
    const more = await this.#chainer.advance().finally(() => {
      if (this.#chainer.look) this.#ages.looked(this.#chainer.look)
    })
    if (this.#chainer.look?.foreign) this.#doubted = true
    return more
  }

  /** Checkpoints of others too: of two files that two instances keep, the first to be lost is then not missed. */
  async #keepOutside(): Promise<void> {
    const { note, keys } = this.#chainer
    if (!this.#file || note === null) return
    const checkpoint = await this.#watch.admit(this.#db, note, keys)
    if (checkpoint) {
      await this.#file.append(note, keys)
      this.#watch.keep(checkpoint.size)
    }
    if (!this.#watch.broken) this.#ages.kept()
  }
}
