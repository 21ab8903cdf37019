import type { Kysely } from 'kysely'
import { type After, atMost, type Clock } from '../clock.ts'
import { DatabaseError } from '../error.ts'
import type { DatabaseTables } from '../tables.ts'
import type { Chainer } from './chainer.ts'
import type { CheckpointFile } from './checkpoint-file.ts'
import type { CheckpointKeys } from './keys.ts'
import { ReadingTurn } from './reading.ts'
import { verifyDatabase } from './verify/database.ts'
import type { Verdict } from './verify/findings.ts'
import type { Watch } from './watch.ts'

/** A fifth of the time is work, of which half is waiting for the database: that is a tenth of a core. */
const [restsPerWork, longestRestMs] = [4, 2000]
const [askForTurnMs, keepTurnMs] = [2000, 3000]

/** What it takes to read the chain of an instance. */
export interface ReaderOptions {
  watch: Watch
  chainer: Chainer
  file: CheckpointFile | undefined
  /** Looks at the chain once more: what has just happened is to be among what is read. */
  poke(): Promise<void>
  clock: Clock
  after: After
}

/** Reads all of the chain anew, and holds it against what this instance has seen of it. */
export class ChainReader {
  readonly #db: Kysely<DatabaseTables>
  readonly #options: ReaderOptions
  readonly #turn: ReadingTurn
  readonly #stop = Promise.withResolvers<void>()
  #stopped = false

  constructor(db: Kysely<DatabaseTables>, options: ReaderOptions) {
    this.#db = db
    this.#options = options
    this.#turn = new ReadingTurn(db)
  }

  /**
   * Where it finds everything as it was ever seen, a chain that was broken is sound again.
   *
   * @param gently in the turn of this instance among all, and with rests
   * @throws DatabaseError `TRY_AGAIN` when it is stopped while it rests; what the database and the file system throw
   */
  read(gently: boolean): Promise<Verdict> {
    return gently ? this.#readInTurn() : this.#read()
  }

  /** Whoever rests is woken, and reads no more. */
  stop(): void {
    this.#stopped = true
    this.#stop.resolve()
  }

  /** Gives up the turn, if it is this instance's. */
  release(): Promise<void> {
    return this.#turn.release()
  }

  async #read(rest?: (workedMs: number) => Promise<void>): Promise<Verdict> {
    const { watch, chainer, file, poke, clock } = this.#options
    await poke()
    const { breaks } = watch
    const outside = await file?.read()
    const { keys } = chainer
    const verdict = await verifyDatabase(this.#db, {
      ...keys,
      ...(outside === undefined ? {} : { outside }),
      seen: watch.vouches(),
      clock,
      ...(rest === undefined ? {} : { rest }),
    })
    // The first checkpoint of a new key may be among what was read, and looks foreign by the one of before.
    if (!verdict.verified && (await this.#isSignedByOther(keys))) return await this.#read(rest)
    // What was found broken meanwhile may have been read here before it was.
    if (verdict.verified && watch.breaks === breaks) watch.mend()
    const { broken } = watch
    return broken && verdict.verified ? refusedFor(verdict, broken) : verdict
  }

  async #isSignedByOther({ publicKey }: CheckpointKeys): Promise<boolean> {
    const { poke, chainer } = this.#options
    await poke()
    return !chainer.keys.publicKey.equals(publicKey)
  }

  async #readInTurn(): Promise<Verdict> {
    const { clock } = this.#options
    while (!(await this.#turn.take())) await this.#rest(askForTurnMs)
    let keepAt = clock() + keepTurnMs
    const rest = async (workedMs: number) => {
      await this.#rest(Math.min(restsPerWork * workedMs, longestRestMs))
      if (clock() < keepAt) return
      await this.#turn.take()
      keepAt = clock() + keepTurnMs
    }
    return await this.#read(rest).finally(() => this.#turn.release())
  }

  async #rest(ms: number): Promise<void> {
    await atMost(ms, this.#stop.promise, this.#options.after)
    if (this.#stopped) throw new DatabaseError('TRY_AGAIN', 'The audit is being closed. Nothing was found out.')
  }
}

function refusedFor(verdict: Verdict, { message, facts }: DatabaseError): Verdict {
  const place = typeof facts.seq === 'number' ? { seq: facts.seq } : {}
  const brokenAt = place.seq === undefined ? {} : { brokenAt: place.seq }
  return { ...verdict, verified: false, ...brokenAt, problems: [{ code: 'changed', ...place, message }] }
}
