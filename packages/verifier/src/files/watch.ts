import type { Cancel, Clock } from '../clock.ts'
import { VerifyError, type VerifyErrorCode } from '../error.ts'
import { SingleFlight } from '../single-flight.ts'

/** What is watched: `look` reads it and applies what it found, or throws. */
interface Watched<T> {
  readonly clock: Clock
  /** What wrong use becomes: at the start it is a TypeError, but later what was read last stays in force. */
  readonly code: VerifyErrorCode
  look(): Promise<T>
  /** Called once for each outage, however long it lasts. */
  onProblem(error: VerifyError): void
}

const EVERY_MS = 1_000

/**
 * Looks again every second. Nothing asks the file system to tell of changes: Kubernetes swaps a symbolic link two levels
 * above the file, which a watch on the file's own inode never sees, and network file systems tell nothing at all.
 */
export class Watch<T> {
  readonly #watched: Watched<T>
  readonly #flight = new SingleFlight(() => this.#look())
  #failing = false
  #closed = false
  #cancel: Cancel = () => {}

  constructor(watched: Watched<T>) {
    this.#watched = watched
  }

  /** Begins to look by itself, a second from now. */
  start(): void {
    if (this.#closed) return
    this.#cancel = this.#watched.clock.after(EVERY_MS, () => void this.#lookByItself(), true)
  }

  /** Looks now, after any look that is under way: that one may have begun before what the caller wants to see was there. */
  now(): Promise<T> {
    return this.#flight.anew()
  }

  /** Resolves when no look is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancel()
    await this.#flight.ended()
  }

  async #lookByItself(): Promise<void> {
    await this.now().catch((error: unknown) => {
      // What is wrong with the file was announced where it happened; anything else is a defect.
      if (!(error instanceof VerifyError)) throw error
    })
    this.start()
  }

  async #look(): Promise<T> {
    if (this.#closed) throw new VerifyError('verifier_closed')
    try {
      const found = await this.#watched.look()
      this.#failing = false
      return found
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  #failed(cause: unknown): unknown {
    const { code } = this.#watched
    const error = cause instanceof TypeError ? new VerifyError(code, { detail: cause.message, cause }) : cause
    if (error instanceof VerifyError && !this.#failing && !this.#closed) {
      this.#failing = true
      this.#watched.onProblem(error)
    }
    return error
  }
}
