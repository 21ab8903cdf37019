/**
 * An instance's view of the database, held on a lease.
 *
 * An instance keeps in memory what it read. It may act on that only while the others can know what it has read, so it goes
 * round this circle for as long as it lives:
 *
 *   reload   everything cached is thrown away and read anew
 *   enter    its row says "has applied nothing": from here on whoever changes something waits for it
 *   confirm  what it has applied is written to its row, which prolongs its lease; only now does it hold one
 *   follow   each second, and at once when a NOTIFY tells of more than was confirmed: read it, apply it, confirm
 *
 * It falls back to *reload* when its listener was cut off (a notification may have been lost), when its lease ran out
 * by any clock before the renewal was confirmed (nobody may have waited for it meanwhile), when changes it needs are
 * gone, or when the revision went backwards or its epoch is another (a restored backup). Between falling back and the
 * next confirmation it holds nothing and must refuse to act.
 *
 * Correctness hangs on the lease and on reading changes in order; NOTIFY only makes it quick. So it may hold a lease again
 * while its listener is still away, and keeps it when that is back: then it only looks for what it was not told of.
 */
import type { After } from '../clock.ts'
import type { LostReason } from '../listener/ear.ts'
import type { Listener } from '../listener/open.ts'
import { type Clocks, heldMs, instanceLeaseMs, leaseLeftMs, type Moment, momentOf } from './lease.ts'
import type { Ledger, Newest } from './ledger.ts'
import type { InstanceRow } from './row.ts'
import { liveAmong, Steadiness } from './steadiness.ts'
import { Stirs } from './stirs.ts'
import { untilApplied } from './until-applied.ts'
import type { Viewer } from './viewer.ts'

/** Between two looks at the database that nothing caused. */
export const beatMs = 1_000

/** What a listener tells a view. */
export interface Heard {
  /** @param revision of a change, or the one that an instance has applied */
  onNotify(revision: string): void
  onLost(reason: LostReason): void
  onRestored(): void
}

export interface ViewOptions {
  id: string
  /** Where it can be reached; shown to operators. */
  address: string
  ledger: Ledger
  /** Starts to listen for changes; rejects when that cannot be done. */
  listen(heard: Heard): Promise<Listener>
  onError: (error: unknown) => void
  clocks: Clocks
  after: After
}

export class InstanceView {
  readonly id: string
  readonly #ledger: Ledger
  readonly #viewer: Viewer
  readonly #options: ViewOptions
  readonly #clocks: Clocks
  readonly #steadiness = new Steadiness()
  readonly #openedAt: Moment
  readonly #stirs: Stirs
  readonly #untilApplied: ReturnType<typeof untilApplied>
  #listener: Listener | undefined
  #cancelBeat = () => {}
  /** Counts the times that it fell back; a round that began before the last one earns nothing. */
  #falls = 0
  #joinedAfter: number | undefined
  #closed = false
  #applied = 0
  /** The newest revision that the database was seen to have, and its epoch. */
  #seen: Newest = { epoch: 0, n: 0 }
  #confirmed = { applied: 0, confirmations: 0 }
  #earnedFrom: Moment | undefined
  /** When the last write was sent that made the database count on this instance. */
  #countedFrom: Moment | undefined
  #queue: Promise<void> = Promise.resolve()
  /** The revision that the queue is to reach; 0 when nothing waits in it. */
  #wanted = 0

  private constructor(viewer: Viewer, options: ViewOptions) {
    this.id = options.id
    this.#viewer = viewer
    this.#options = options
    this.#ledger = options.ledger
    this.#clocks = options.clocks
    this.#openedAt = momentOf(this.#clocks)
    this.#stirs = new Stirs(options.after)
    this.#untilApplied = untilApplied({
      look: () => this.#look(),
      here: () => (this.held() ? { epoch: this.#seen.epoch, ...this.#confirmed } : undefined),
      stirred: () => this.#stirs.next(),
    })
  }

  /**
   * Opens a view and holds its first lease when it resolves.
   *
   * @throws DatabaseError `LISTEN_UNSUPPORTED`, or why the database cannot be reached
   */
  static async open(viewer: Viewer, options: ViewOptions): Promise<InstanceView> {
    const view = new InstanceView(viewer, options)
    view.#listener = await options.listen({
      onNotify: (revision) => view.#stir(Number(revision)),
      onLost: ({ kind }) => view.#fallBack(`listener: ${kind}`),
      onRestored: () => view.#stir(),
    })
    try {
      // From here on steps of the database's clock are noticed.
      await view.live()
      while (!view.held()) await view.#firstRound()
    } catch (error) {
      // What was opened must not go on by itself; why it could not be read is what matters.
      await view.close().catch(options.onError)
      throw error
    }
    view.#beat()
    return view
  }

  /** May this instance act on what it has read? */
  held(): boolean {
    return this.leaseLeftMs() > 0
  }

  leaseLeftMs(): number {
    return leaseLeftMs(this.#earnedFrom, heldMs, this.#clocks)
  }

  /** The time by the clock of the database, without asking it: for times that all instances go by. In milliseconds. */
  databaseNow(): number {
    return this.#steadiness.now(this.#clocks.monotonic())
  }

  /** The newest revision that this instance has applied. */
  applied(): number {
    return this.#applied
  }

  /** The instances that have to be waited for, this one included. */
  async live(): Promise<InstanceRow[]> {
    return (await this.#look()).live
  }

  async #look(): Promise<{ live: InstanceRow[]; newest: Newest }> {
    const sent = momentOf(this.#clocks)
    const { now, rows, ...newest } = await this.#ledger.instances()
    const received = momentOf(this.#clocks)
    this.#steadiness.read(now, sent, received)
    this.#steadiness.readLeases(rows, now, received)
    return { live: liveAmong(rows, now, this.doubtMs(instanceLeaseMs)), newest }
  }

  /**
   * For how much longer a lease of this length may be running although the clock of the database says that it is over. What
   * that clock did before this view was opened nobody here has seen: it may have made a step a moment before.
   */
  doubtMs(leaseMs: number): number {
    const now = momentOf(this.#clocks)
    return Math.max(this.#steadiness.doubtMs(leaseMs, now), leaseMs - (now.monotonic - this.#openedAt.monotonic), 0)
  }

  /**
   * Resolves when every live instance, this one included, has applied a revision, or has lost its lease.
   *
   * @throws DatabaseError `TRY_AGAIN` when a backup was restored meanwhile: that revision may not come any more
   */
  async everywhere(revision: number): Promise<void> {
    const { epoch } = this.#seen
    this.#stir(revision)
    await this.#untilApplied(revision, epoch)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelBeat()
    this.#earnedFrom = undefined
    this.#listener?.close()
    // A row that cannot be deleted now is not waited for once its lease is over.
    const left = () => this.#ledger.leave(this.id).catch((error) => this.#options.onError(error))
    await left()
    // A round that was under way may have entered it once more.
    await this.#queue
    await left()
  }

  #beat(): void {
    if (this.#closed) return
    this.#cancelBeat = this.#options.after(beatMs, () => {
      this.#stir()
      this.#beat()
    })
  }

  /** @param revision whoever has confirmed it need do nothing; without it there is always something to do */
  #stir(revision = Number.POSITIVE_INFINITY): void {
    this.#stirs.wake()
    const isQueued = this.#wanted > 0
    this.#wanted = Math.max(this.#wanted, revision)
    if (isQueued) return
    this.#queue = this.#queue.then(() => {
      const isThere = this.#wanted <= this.#confirmed.applied
      this.#wanted = 0
      return this.#closed || isThere ? undefined : this.#round().catch((error) => this.#options.onError(error))
    })
  }

  #fallBack(reason: string): void {
    if (this.#closed) return
    this.#falls += 1
    this.#earnedFrom = undefined
    this.#viewer.lost?.(reason)
    this.#stir()
  }

  /** In the queue like all others: a notification may have started one already, and calls of the viewer never overlap. */
  async #firstRound(): Promise<void> {
    const first = this.#queue.then(() => this.#round())
    this.#queue = first.catch(() => undefined)
    await first
  }

  /** Enter if need be, follow, confirm. */
  async #round(): Promise<void> {
    const falls = this.#falls
    if (this.#joinedAfter !== falls) await this.#join(falls)
    if (!(await this.#follow())) return this.#fallBack('changes are missing')
    const sent = momentOf(this.#clocks)
    const applied = this.#applied
    const newest = await this.#ledger.renew(this.id, applied, applied !== this.#confirmed.applied)
    if (newest === undefined) return this.#fallBack('lease was over before it was renewed')
    this.#steadiness.read(newest.now, sent, momentOf(this.#clocks))
    // The renewal may have become visible to the others so late that they had given this instance up before.
    if (leaseLeftMs(this.#countedFrom, heldMs, this.#clocks) === 0) return this.#fallBack('renewal took too long')
    this.#countedFrom = sent
    if (newest.epoch > this.#seen.epoch) return this.#fallBack(`epoch ${newest.epoch} began`)
    if (this.#isAheadOf(newest)) {
      await this.#ledger.beginEpoch(this.#seen)
      return this.#fallBack(`revision went from ${this.#seen.epoch}.${applied} back to ${newest.epoch}.${newest.n}`)
    }
    this.#seen = { epoch: newest.epoch, n: newest.n }
    if (this.#falls !== falls || this.#closed) return
    this.#earnedFrom = sent
    if (applied !== this.#confirmed.applied) this.#viewer.confirmed?.(applied)
    this.#confirmed = { applied, confirmations: this.#confirmed.confirmations + 1 }
    this.#stirs.wake()
    if (newest.n > applied) this.#stir()
  }

  async #join(falls: number): Promise<void> {
    await this.#askForEpoch()
    const seen = await this.#ledger.newest()
    await this.#viewer.reload()
    // Only now: nobody need wait for an instance that cannot read. What changed meanwhile is followed before the first
    // confirmation, and whatever changes from here on waits for that.
    this.#countedFrom = momentOf(this.#clocks)
    await this.#ledger.enter(this.id, this.#options.address)
    // Whoever decided before that could not wait for it: what they changed must be among the changes that it follows now,
    // and if it has been deleted since, that must show.
    this.#seen = { epoch: seen.epoch, n: (await this.#ledger.newest()).n }
    this.#applied = seen.n
    this.#confirmed.applied = -1
    this.#joinedAfter = falls
  }

  /**
   * Restoring a backup cuts connections: most often it is here that the database is found to know less than before. An
   * instance that is alone from its start cannot find that out, nor can anybody else.
   */
  async #askForEpoch(): Promise<void> {
    const newest = await this.#ledger.newest()
    if (this.#isAheadOf(newest)) return this.#ledger.beginEpoch(this.#seen)
    if (this.#joinedAfter !== undefined) return
    const { now, rows } = await this.#ledger.instances()
    if (rows.every(({ leaseUntil }) => leaseUntil <= now)) await this.#ledger.beginEpoch(newest)
  }

  /** Has this instance seen what this database has not reached? Then that was restored from a backup. */
  #isAheadOf({ epoch, n }: Newest): boolean {
    return epoch < this.#seen.epoch || (epoch === this.#seen.epoch && n < Math.max(this.#seen.n, this.#applied))
  }

  /** @returns false when there is a gap between what was applied and what can be read */
  async #follow(): Promise<boolean> {
    const changes = await this.#ledger.changesSince(this.#applied)
    const reached = changes.at(-1)?.revision ?? this.#applied
    if (reached < this.#seen.n || reached - this.#applied !== changes.length) return false
    if (changes.length > 0) await this.#viewer.apply(changes)
    this.#applied = reached
    return true
  }
}
