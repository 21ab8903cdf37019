/**
 * An instance's view of the database, held on a lease.
 *
 * An instance keeps in memory what it read. It may act on that only while the others can know what it has read, so it goes
 * round this circle for as long as it lives:
 *
 *   reload   everything cached is thrown away and read anew
 *   enter    its row says "has applied nothing": from here on whoever changes something waits for it
 *   confirm  what it has applied is written to its row, which prolongs its lease; only now does it hold one
 *   follow   each second, and at once when a NOTIFY comes: read what changed, apply it, confirm
 *
 * It falls back to *reload* when its listener was cut off (a notification may have been lost), when its lease ran out
 * before the database (nobody waits for it any more), when changes it needs are gone, or when the revision went backwards or
 * its epoch is another (a restored backup). Between falling back and the next confirmation it holds nothing and must refuse to act.
 *
 * Correctness hangs on the lease and on reading changes in order; NOTIFY only makes it quick.
 */
import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { beginEpoch, currentRevision, revisionChannel } from '../changes/record.ts'
import { type ChangeRecord, changesSince } from '../changes/since.ts'
import { monotonicClock, systemClock } from '../clock.ts'
import { type Listener, openListener } from '../listener/open.ts'
import type { DatabaseTables } from '../tables.ts'
import { type Clocks, instanceLeaseMs, leaseLeftMs, type Moment, momentOf } from './lease.ts'
import { enter, type InstanceRow, leave, liveInstances, renew } from './row.ts'

const beatMs = 1_000
/** How often a waiter looks again although nothing woke it. */
const recheckMs = 100

/** What keeps things in memory. Calls never overlap. */
export interface Viewer {
  /** Throw away everything cached, then read it anew. */
  reload(): Promise<void>
  /** Read again what changed. */
  apply(changes: ChangeRecord[]): Promise<void>
  /** The view was confirmed up to a revision. */
  confirmed?(revision: number): void
  /** The view fell back; `reason` is for the log. */
  lost?(reason: string): void
}

export interface ViewOptions {
  id: string
  /** Where it can be reached; shown to operators. */
  address: string
  /** For LISTEN; must reach PostgreSQL without a transaction-mode pooler between. */
  listenUrl: string
  notify: (channel: string, payload: string) => Promise<void>
  onError: (error: unknown) => void
  clocks?: Clocks
}

export class InstanceView {
  readonly id: string
  readonly #db: Kysely<DatabaseTables>
  readonly #viewer: Viewer
  readonly #options: ViewOptions
  readonly #clocks: Clocks
  readonly #stirs = new EventEmitter()
  #listener: Listener | undefined
  #beat: NodeJS.Timeout | undefined
  /** Counts the times that it fell back; a round that began before the last one earns nothing. */
  #falls = 0
  #joinedAfter: number | undefined
  #closed = false
  #applied = 0
  /** The newest revision that the database was seen to have, and its epoch. */
  #seen = { epoch: 0, n: 0 }
  #announced = 0
  #earnedFrom: Moment | undefined
  #queue: Promise<void> = Promise.resolve()
  #wanted = false

  private constructor(db: Kysely<DatabaseTables>, viewer: Viewer, options: ViewOptions) {
    this.id = options.id
    this.#db = db
    this.#viewer = viewer
    this.#options = options
    this.#clocks = options.clocks ?? { wall: systemClock, monotonic: monotonicClock }
    this.#stirs.setMaxListeners(0)
  }

  /**
   * Opens a view and holds its first lease when it resolves.
   *
   * @throws DatabaseError `LISTEN_UNSUPPORTED`, or why the database cannot be reached
   */
  static async open<T extends DatabaseTables>(
    db: Kysely<T>,
    viewer: Viewer,
    options: ViewOptions,
  ): Promise<InstanceView> {
    const view = new InstanceView(db as unknown as Kysely<DatabaseTables>, viewer, options)
    view.#listener = await openListener({
      url: options.listenUrl,
      channel: revisionChannel,
      notify: options.notify,
      pingMs: beatMs,
      onNotify: () => view.#stir(),
      onLost: ({ kind }) => view.#fallBack(`listener: ${kind}`),
      onRestored: () => view.#fallBack('listener restored'),
    })
    try {
      while (!view.held()) await view.#firstRound()
    } catch (error) {
      // What was opened must not go on by itself; why it could not be read is what matters.
      await view.close().catch(options.onError)
      throw error
    }
    view.#beat = setInterval(() => view.#stir(), beatMs)
    return view
  }

  /** May this instance act on what it has read? */
  held(): boolean {
    return this.leaseLeftMs() > 0
  }

  leaseLeftMs(): number {
    return leaseLeftMs(this.#earnedFrom, instanceLeaseMs, this.#clocks)
  }

  /** The newest revision that this instance has applied. */
  applied(): number {
    return this.#applied
  }

  /** Resolves when every live instance, this one included, has applied a revision, or has lost its lease. */
  async everywhere(revision: number): Promise<void> {
    this.#stir()
    while ((await this.#behind(revision)).length > 0) await this.#stirred()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#beat)
    this.#earnedFrom = undefined
    this.#listener?.close()
    // A row that cannot be deleted now is not waited for once its lease is over.
    const left = () => leave(this.#db, this.id).catch((error) => this.#options.onError(error))
    await left()
    // A round that was under way may have entered it once more.
    await this.#queue
    await left()
  }

  async #behind(revision: number): Promise<InstanceRow[]> {
    return (await liveInstances(this.#db)).filter((instance) => instance.applied < revision)
  }

  async #stirred(): Promise<void> {
    const over = new AbortController()
    const woken = once(this.#stirs, 'stir', { signal: over.signal })
    const waited = delay(recheckMs, undefined, { signal: over.signal })
    try {
      await Promise.race([woken, waited])
    } finally {
      over.abort()
      await Promise.allSettled([woken, waited])
    }
  }

  #stir(): void {
    this.#stirs.emit('stir')
    if (this.#wanted) return
    this.#wanted = true
    this.#queue = this.#queue.then(() => {
      this.#wanted = false
      return this.#closed ? undefined : this.#round().catch((error) => this.#options.onError(error))
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
    const newest = await renew(this.#db, this.id, applied, applied !== this.#announced)
    if (newest === undefined) return this.#fallBack('lease was over before it was renewed')
    if (newest.epoch > this.#seen.epoch) return this.#fallBack(`epoch ${newest.epoch} began`)
    if (newest.epoch < this.#seen.epoch || newest.n < applied) {
      await beginEpoch(this.#db)
      return this.#fallBack(`revision went from ${this.#seen.epoch}.${applied} back to ${newest.epoch}.${newest.n}`)
    }
    this.#seen = newest
    if (this.#falls !== falls || this.#closed) return
    this.#earnedFrom = sent
    if (applied !== this.#announced) this.#viewer.confirmed?.(applied)
    this.#announced = applied
    if (newest.n > applied) this.#stir()
  }

  async #join(falls: number): Promise<void> {
    const seen = await currentRevision(this.#db)
    await this.#viewer.reload()
    // Only now: nobody need wait for an instance that cannot read. What changed meanwhile is followed before the first
    // confirmation, and whatever changes from here on waits for that.
    await enter(this.#db, this.id, this.#options.address)
    this.#seen = seen
    this.#applied = seen.n
    this.#announced = -1
    this.#joinedAfter = falls
  }

  /** @returns false when there is a gap between what was applied and what can be read */
  async #follow(): Promise<boolean> {
    const changes = await changesSince(this.#db, this.#applied)
    const reached = changes.at(-1)?.revision ?? this.#applied
    if (reached < this.#seen.n || reached - this.#applied !== changes.length) return false
    if (changes.length > 0) await this.#viewer.apply(changes)
    this.#applied = reached
    return true
  }
}
