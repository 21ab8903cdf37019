import type { Cancel, Clock } from '../../clock.ts'
import { deferred } from '../../deferred.ts'
import { VerifyError } from '../../error.ts'
import { EventStreamParser } from './event-stream.ts'
import { parseTrustMessage, type TrustMessage } from './message.ts'
import { Pages } from './pages.ts'

export interface SubscriptionOptions {
  readonly clock: Clock
  readonly random: () => number
  /** How many instances `open` goes round: the pauses grow once a round. */
  readonly instances: number
  open(lastEventId: string | undefined, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
  /** Where to resume; undefined asks for the whole set. */
  lastEventId(): string | undefined
  /** Applies one message, or throws, which reopens the feed. */
  apply(message: TrustMessage): void
  /** Called for each connection that failed, before the next one is opened. */
  onProblem(error: VerifyError): void
}

/** The issuer writes at least a comment every second; a feed that says nothing for this long is dead. */
const SILENCE_MS = 5_000
const SHORTEST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

/**
 * Keeps one feed open for ever. Whatever goes wrong (no connection, a bad status, silence, an event that cannot be
 * applied in full) has the same consequence: say so, wait a moment, open it again. The wait grows while nothing could
 * be applied and is drawn at random, so that a thousand verifiers do not come back in the same instant.
 */
export class Subscription {
  readonly #options: SubscriptionOptions
  #failures = 0
  #stopped = false
  #hurry = false
  #connection: AbortController | undefined
  #wake: (() => void) | undefined
  #running: Promise<void> | undefined

  constructor(options: SubscriptionOptions) {
    this.#options = options
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Drops the connection and opens a new one without waiting. */
  reopen(): void {
    this.#hurry = true
    this.#connection?.abort()
    this.#wake?.()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#connection?.abort()
    this.#wake?.()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#hurry = false
      const error = await this.#readOnce()
      if (this.#stopped || this.#hurry) continue
      this.#options.onProblem(error)
      await this.#pause()
    }
  }

  /** Reads until the connection ends, and tells why it did. */
  async #readOnce(): Promise<VerifyError> {
    const connection = new AbortController()
    this.#connection = connection
    const watch = this.#watchSilence(connection)
    try {
      await this.#readInto(connection, watch.heard)
      return new VerifyError('feed_failed', { detail: 'the feed ended' })
    } catch (cause) {
      if (watch.silent()) return new VerifyError('feed_failed', { detail: 'the feed fell silent' })
      return cause instanceof VerifyError ? cause : new VerifyError('feed_failed', { cause })
    } finally {
      watch.end()
      connection.abort()
    }
  }

  async #readInto(connection: AbortController, heard: () => void): Promise<void> {
    const parser = new EventStreamParser()
    const pages = new Pages()
    const decoder = new TextDecoder('utf-8', { fatal: true })
    const body = await this.#options.open(this.#options.lastEventId(), connection.signal)
    for await (const chunk of body) {
      heard()
      for (const event of parser.push(decoder.decode(chunk, { stream: true }))) {
        if (connection.signal.aborted) return
        if (event.name !== 'trust') continue
        const message = pages.take(parseTrustMessage(event))
        if (message === undefined) continue
        this.#options.apply(message)
        this.#failures = 0
      }
    }
  }

  #watchSilence(connection: AbortController) {
    const { clock } = this.#options
    let silent = false
    const arm = (): Cancel =>
      clock.after(SILENCE_MS, () => {
        silent = true
        connection.abort()
      })
    let cancel = arm()
    const heard = () => {
      cancel()
      cancel = arm()
    }
    return { heard, silent: () => silent, end: () => cancel() }
  }

  async #pause(): Promise<void> {
    const rounds = Math.floor(this.#failures++ / this.#options.instances)
    const longest = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** rounds)
    const { promise, resolve } = deferred<void>()
    const cancel = this.#options.clock.after(longest * (0.5 + this.#options.random() / 2), resolve)
    this.#wake = resolve
    await promise
    cancel()
    this.#wake = undefined
  }
}
