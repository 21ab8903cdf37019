import type { Kysely } from 'kysely'
import { type After, systemAfter } from '../clock.ts'
import type { DatabaseTables } from '../tables.ts'
import { Chainer } from './chainer.ts'
import { CheckpointFile } from './checkpoint-file.ts'
import type { AuditSigner } from './signer.ts'
import { verifyDatabase } from './verify/database.ts'
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
}

/** The audit chain as an instance keeps it: any number of them do so at once. */
export interface AuditChain {
  /** Looks at once, and returns when it has chained what waited, unless another instance is at it. Never rejects. */
  poke(): Promise<void>
  /** false once the chain was seen to be another one than it was, or the last verification found something. */
  integrity(): boolean
  /** How many events the chain held when it was last looked at. */
  size(): number
  /** Verifies all of it: see `verifyDatabase`. Throws what the database throws. */
  verify(): Promise<Verdict>
  /** Returns when what is under way has come to its end. */
  close(): Promise<void>
}

/** After a failure, and between two failures: a database that is away need not be asked four times a second. */
const patienceMs = 1000

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
  const chain = new Keeper(db as unknown as Kysely<DatabaseTables>, options)
  await chain.open()
  return chain
}

class Keeper implements AuditChain {
  readonly #db: Kysely<DatabaseTables>
  readonly #options: ChainOptions
  readonly #file: CheckpointFile | undefined
  readonly #watch: Watch
  readonly #chainer: Chainer
  #verdict: Verdict | undefined
  #working: Promise<void> | undefined
  #toldBroken = false
  #cancel = () => {}
  #closed = false

  constructor(db: Kysely<DatabaseTables>, options: ChainOptions) {
    this.#db = db
    this.#options = options
    const { checkpointFile: path, signer } = options
    this.#watch = new Watch(signer.publicKey)
    this.#chainer = new Chainer(db, signer, this.#watch, (error) => options.onError?.(error))
    this.#file = path === undefined ? undefined : new CheckpointFile(path, signer.publicKey)
  }

  async open(): Promise<void> {
    if (this.#file) this.#watch.recall(await this.#file.read())
    this.#schedule(0)
  }

  integrity(): boolean {
    return this.#watch.broken === undefined && this.#verdict?.verified !== false
  }

  size(): number {
    return this.#watch.size
  }

  async poke(): Promise<void> {
    // What is under way may have looked before the caller's event was there.
    await this.#working
    await this.#work()
  }

  async verify(): Promise<Verdict> {
    await this.poke()
    const outside = await this.#file?.read()
    const verdict = await verifyDatabase(this.#db, {
      publicKey: this.#options.signer.publicKey,
      ...(outside === undefined ? {} : { outside }),
      seen: this.#watch.vouches(),
    })
    this.#verdict = verdict
    return verdict
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancel()
    await this.#working
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return
    this.#cancel()
    this.#cancel = (this.#options.after ?? systemAfter)(delayMs, () => void this.#work())
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
      for (let more = true; more && !this.#closed; ) more = await this.#chainer.advance()
      await this.#keepOutside()
      this.#schedule(everyMs)
    } catch (error) {
      onError?.(error)
      this.#schedule(Math.max(patienceMs, everyMs))
    }
    if (this.#watch.broken && !this.#toldBroken) onError?.(this.#watch.broken)
    this.#toldBroken = this.#watch.broken !== undefined
  }

  /** Checkpoints of others too: of two files that two instances keep, the first to be lost is then not missed. */
  async #keepOutside(): Promise<void> {
    const { note } = this.#chainer
    if (!this.#file || note === null) return
    const checkpoint = await this.#watch.admit(this.#db, note)
    if (!checkpoint) return
    await this.#file.append(note)
    this.#watch.keep(checkpoint.size)
  }
}
