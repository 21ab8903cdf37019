import type { Moment } from '../../clock.ts'
import { deferred } from '../../deferred.ts'
import { VerifyError, type VerifyErrorCode } from '../../error.ts'
import type { Jwks } from '../../keys/jwk.ts'
import { LIBRARY } from '../../version.ts'
import { LeaseWatch } from '../lease-watch.ts'
import { type TrustChange, TrustSet } from '../set.ts'
import {
  announceChange,
  assertOneVerifier,
  idleContext,
  type Revision,
  type TrustContext,
  type TrustSnapshot,
  type TrustSource,
} from '../source.ts'
import { sayGoodbye } from './goodbye.ts'
import { Instances, type Stay } from './instances.ts'
import { type Acknowledgement, Issuer } from './issuer.ts'
import { Lease } from './lease.ts'
import { compareRevisions, type TrustMessage } from './message.ts'
import { checkedFeedOptions, type TrustFeedOptions } from './options.ts'
import { Refreshes } from './refreshes.ts'
import { Renewal } from './renewal.ts'
import { StateFile } from './state-file.ts'
import { Subscription } from './subscription.ts'

/** A feed that was reopened because we lag gets this long before it is reopened for the same reason again. */
const REOPEN_AGAIN_MS = 5_000

const LOOK_AGAIN_IN_VAIN = Promise.resolve(false)

/**
 * Trust from a Rekey issuer. An event of the feed is applied at once and in full; then, once what must survive a
 * restart is on disk, the lease is renewed, which is what tells the issuer that this process holds it.
 */
class FeedTrust implements TrustSource {
  readonly instance: string
  readonly #options: ReturnType<typeof checkedFeedOptions>
  readonly #instances: Instances
  readonly #lease: Lease
  readonly #leaseWatch: LeaseWatch
  readonly #file: StateFile | undefined
  readonly #subscription: Subscription
  readonly #renewal: Renewal
  /** Where the feed was opened last. */
  #feedAt: Stay
  readonly #first = deferred<void>()
  readonly #refreshes: Refreshes
  #context: TrustContext = idleContext
  #started: Promise<void> | undefined
  #closed = false
  #set = new TrustSet()
  /** Newest revision ever seen, here or before a restart: nothing older is applied. */
  #floor: Revision | null = null
  /** The revision whose keys are held. */
  #held: Revision | null = null
  #saved: Revision | null = null
  #resumable = true
  #reopenedMs = Number.NEGATIVE_INFINITY

  constructor(options: TrustFeedOptions) {
    this.#options = checkedFeedOptions(options)
    this.instance = this.#options.instance
    const { bases, clientId, clientSecret, fetch, clock, random, stateFile, name, onLeaseLost } = this.#options
    const [first, ...others] = bases
    const issuerAt = (base: URL) => new Issuer({ base, clientId, clientSecret, fetch })
    this.#instances = new Instances([issuerAt(first), ...others.map(issuerAt)])
    this.#feedAt = this.#instances.current
    this.#lease = new Lease(clock, onLeaseLost)
    this.#leaseWatch = new LeaseWatch(
      clock,
      () => this.#lease.leftMs,
      (event) => this.#context.announce(event),
    )
    this.#file = stateFile === undefined ? undefined : new StateFile(stateFile, name)
    this.#subscription = new Subscription({
      clock,
      random,
      instances: bases.length,
      open: (lastEventId, signal) => this.#openFeed(lastEventId, signal),
      lastEventId: () => (this.#held && this.#resumable ? `${this.#held.epoch}.${this.#held.n}` : undefined),
      apply: (message) => this.#apply(message),
      onProblem: (error) => {
        this.#context.announce('problem', error)
        this.#instances.leave(this.#feedAt)
      },
    })
    this.#refreshes = new Refreshes(clock, () => this.#reopenFromScratch())
    this.#renewal = new Renewal({
      clock,
      instances: this.#instances,
      readyToAcknowledge: () => this.#save(),
      acknowledgement: () => this.#acknowledgement(),
      onEarned: (sent, leaseMs) => {
        this.#context.announce('asked', 'ok')
        this.#earned(sent, leaseMs)
      },
      onBehind: () => this.#behind(),
      onFailed: (stay) => {
        if (this.#instances.leave(stay)) this.#subscription.reopen()
      },
      onProblem: (error) => {
        this.#context.announce('asked', error.code)
        this.#context.announce('problem', error)
      },
    })
  }

  async start(context: TrustContext): Promise<void> {
    assertOneVerifier(this.#context, context)
    this.#context = context
    this.#started ??= this.#begin()
    return this.#started
  }

  keys(): Jwks {
    if (!this.#holdsTrust) throw new VerifyError('trust_unavailable')
    return this.#set.jwks
  }

  isRevoked(kid: string): boolean {
    return this.#set.isRevoked(kid)
  }

  whyAbsent(kid: string): VerifyErrorCode {
    return this.#set.whyAbsent(kid)
  }

  snapshot(): TrustSnapshot {
    const { kids, revokedKids } = this.#set
    const { leftMs, ageMs } = this.#lease
    return { held: this.#holdsTrust, revision: this.#held, kids, revokedKids, leaseLeftMs: leftMs, ageMs }
  }

  refresh(): Promise<TrustChange> {
    return this.#refreshes.anew()
  }

  /** The feed brings every key before anything is signed with it: asking again would find nothing. */
  lookAgain(): Promise<boolean> {
    return LOOK_AGAIN_IN_VAIN
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#refreshes.close()
    this.#leaseWatch.stop()
    this.#renewal.stop()
    await this.#subscription.stop()
    // Whoever waits for it hears of it through start(); where nobody does, it is no unhandled rejection.
    this.#first.promise.catch(() => {})
    this.#first.reject(new VerifyError('verifier_closed'))
    if (this.#started === undefined) return
    const { instance, clock } = this.#options
    const failed = (error: VerifyError) => this.#context.announce('problem', error)
    await sayGoodbye(this.#instances.fromCurrent, instance, clock).catch(failed)
  }

  get #holdsTrust(): boolean {
    return !this.#closed && this.#held !== null && this.#lease.trustLeftMs > 0
  }

  async #begin(): Promise<void> {
    const remembered = await this.#file?.load()
    if (remembered) {
      this.#set = new TrustSet(remembered.revokedKids)
      this.#floor = remembered.revision
      this.#saved = remembered.revision
    }
    if (!this.#closed) this.#subscription.start()
    return this.#first.promise
  }

  #openFeed(lastEventId: string | undefined, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    this.#feedAt = this.#instances.current
    return this.#feedAt.issuer.openFeed(lastEventId, signal)
  }

  #apply(message: TrustMessage): void {
    this.#refuseUnfit(message)
    const { add, drop } = message.denied
    if (message.full) this.#context.denied.replace(add)
    else this.#context.denied.change(add, drop)
    const change = this.#set.apply({ keys: message.keys, revokedKids: message.revokedKids })
    this.#held = { epoch: message.epoch, n: message.n }
    this.#floor = this.#held
    this.#resumable = true
    announceChange(this.#context.announce, change)
    if (message.full) this.#refreshes.answered(change)
    this.#renewal.after(this.#options.random() * message.acknowledgeWithinMs)
  }

  #refuseUnfit(message: TrustMessage): void {
    if (this.#floor !== null && compareRevisions(message, this.#floor) < 0) {
      this.#resumable = false
      throw new VerifyError('revision_backwards')
    }
    if (message.full || (this.#held !== null && message.epoch === this.#held.epoch)) return
    this.#resumable = false
    throw new VerifyError('feed_failed', { detail: 'a change to a set that is not held' })
  }

  /** Makes what is held durable, if a file was asked for, and returns the revision that may then be acknowledged. */
  async #save(): Promise<Revision | null> {
    const revision = this.#held
    if (this.#file === undefined || revision === null) return revision
    if (this.#saved !== null && compareRevisions(this.#saved, revision) === 0) return revision
    await this.#file.save({ revision, revokedKids: this.#set.revokedKids })
    this.#saved = revision
    return revision
  }

  #acknowledgement(): Acknowledgement {
    const { instance, onLeaseLost } = this.#options
    const about = { instance, library: LIBRARY, algorithms: this.#context.algorithms }
    if (onLeaseLost === 'fail-closed') return { ...about, mode: 'fail-closed' }
    return { ...about, mode: 'last-known-good', ceilingSeconds: onLeaseLost.lastKnownGood.ceilingMs / 1000 }
  }

  #earned(sent: Moment, leaseMs: number): void {
    this.#lease.earn(sent, leaseMs)
    if (this.#lease.leftMs === 0) return
    this.#leaseWatch.held()
    this.#first.resolve()
  }

  #behind(): void {
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs - this.#reopenedMs < REOPEN_AGAIN_MS) return
    this.#reopenedMs = nowMs
    this.#reopenFromScratch()
  }

  #reopenFromScratch(): void {
    this.#resumable = false
    this.#subscription.reopen()
  }
}

/**
 * Trust from a Rekey issuer: pushed over its feed within milliseconds, and made certain by a lease. Source of `trust`
 * for `createVerifier`; one source serves one verifier.
 * @throws {TypeError} for an option that is missing or of the wrong shape.
 */
export function trustFeed(options: TrustFeedOptions): TrustSource {
  return new FeedTrust(options ?? {})
}
