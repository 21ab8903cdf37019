import type { FeedReader } from '../../../src/trust/hub.ts'
import type { Network } from './network.ts'
import type { Life } from './process.ts'

/** A write to a connection that takes nothing any more stays unread on our side. */
const endOfStream = null

/**
 * One open feed: on the instance's side what the hub writes to, on the verifier's side the body of a response. Bytes arrive
 * in order or not at all. A stream that went half-open takes bytes for ever and delivers none.
 */
export class FeedStream implements AsyncIterable<Uint8Array> {
  readonly #network: Network
  readonly #client: Life
  readonly #server: Life
  readonly #opened: (body: AsyncIterable<Uint8Array>) => void
  readonly #onOver: (() => void)[] = []
  readonly #arriving: (Uint8Array | Error | null)[] = []
  readonly #ready: (Uint8Array | Error | null)[] = []
  #wake: (() => void) | undefined
  #lastArrivalMs = 0
  #halfOpen = false
  destroyed = false
  writableLength = 0

  constructor(network: Network, client: Life, server: Life, signal: AbortSignal, opened: FeedStream['open']) {
    this.#network = network
    this.#client = client
    this.#server = server
    this.#opened = opened
    signal.addEventListener('abort', () => this.#clientGone(signal.reason), { once: true })
    this.#onOver.push(
      client.whenOver(() => this.#clientGone(new Error('dead'))),
      server.whenOver(() => this.#arrive(new Error('connection reset'))),
    )
  }

  /** As the hub sees it. A real response can do much more; the hub asks for no more than this. */
  get reader(): FeedReader {
    return this as unknown as FeedReader
  }

  readonly open = (body: AsyncIterable<Uint8Array>): void => this.#opened(body)

  joins(one: string, other: string): boolean {
    const names = [this.#client.name, this.#server.name]
    return names.includes(one) && names.includes(other)
  }

  goHalfOpen(): void {
    this.#halfOpen = true
  }

  whenOver(hear: () => void): void {
    this.#onOver.push(hear)
  }

  writeHead(): this {
    this.#deliver(() => this.#opened(this))
    return this
  }

  write(text: string): boolean {
    if (this.#halfOpen) this.writableLength += text.length
    else this.#arrive(Buffer.from(text))
    return true
  }

  end(): this {
    this.#arrive(endOfStream)
    this.#over()
    return this
  }

  destroy(): this {
    this.#arrive(new Error('connection reset'))
    this.#over()
    return this
  }

  on(_event: string, hear: () => void): this {
    if (_event === 'close') this.#onOver.push(hear)
    return this
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (;;) {
      const [next] = this.#ready.splice(0, 1)
      if (next === endOfStream) return
      if (next instanceof Error) throw next
      if (next) yield next
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
  }

  #arrive(what: Uint8Array | Error | null): void {
    if (this.#halfOpen || this.destroyed) return
    this.#deliver(() => {
      this.#ready.push(...this.#arriving.splice(0))
      this.#wakeUp()
    }, what)
  }

  /** What arrives waits in the order in which it was sent until the process looks. */
  #deliver(look: () => void, what?: Uint8Array | Error | null): void {
    const { world } = this.#network
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, world.now + this.#network.latencyMs())
    world.at(this.#lastArrivalMs - world.now, () => {
      if (this.#halfOpen) return
      if (what !== undefined) this.#arriving.push(what)
      this.#client.take(look)
    })
  }

  #clientGone(reason: unknown): void {
    this.#ready.push(reason instanceof Error ? reason : new Error('aborted'))
    this.#wakeUp()
    if (!this.#halfOpen) this.#server.reach(this.#network.latencyMs(), () => this.#over())
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  #over(): void {
    if (this.destroyed) return
    this.destroyed = true
    for (const hear of this.#onOver.splice(0)) hear()
  }
}
