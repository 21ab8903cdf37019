/**
 * A wire between two parties that can be damaged while it is in use.
 *
 * Frozen, it passes nothing either way and closes nothing, as when a router forgets a connection: whoever writes fills
 * buffers, whoever connects is let in and hears nothing, and that a party has hung up does not get through. Thawed,
 * everything that was held up arrives late: the harder case than connections that are gone, since what was asked before
 * the fault is then carried out after it.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class Wire {
  readonly #server: Server
  readonly #target: URL
  readonly #open = new Set<Passage>()
  #frozen = false
  #cut = false
  #delayMs = 0

  private constructor(target: URL) {
    this.#target = target
    this.#server = createServer((near) => this.#accept(near))
  }

  /** A wire to a URL's host and port. */
  static async to(url: string): Promise<Wire> {
    const wire = new Wire(new URL(url))
    wire.#server.listen(0, '127.0.0.1')
    await once(wire.#server, 'listening')
    return wire
  }

  /** The URL that leads through the wire: everything but host and port is the target's. */
  get url(): string {
    const url = new URL(this.#target)
    url.host = `127.0.0.1:${(this.#server.address() as { port: number }).port}`
    return url.pathname === '/' ? url.origin : url.href
  }

  freeze(): void {
    this.#frozen = true
    for (const passage of this.#open) passage.freeze()
  }

  thaw(): void {
    this.#frozen = false
    for (const passage of this.#open) passage.thaw()
  }

  /** Ends what is open and lets nobody in. */
  cut(): void {
    this.#cut = true
    for (const passage of this.#open) passage.end()
  }

  mend(): void {
    this.#cut = false
  }

  /** From now on everything takes so long each way. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(near: Socket): void {
    if (this.#cut) return void near.destroy()
    for (const passage of this.#open) if (passage.over) this.#open.delete(passage)
    const passage = new Passage(near, this.#target, () => this.#delayMs)
    this.#open.add(passage)
    if (this.#frozen) passage.freeze()
  }
}

/** One connection. What happens at one end happens at the other in the same order, later or when it is thawed. */
class Passage {
  readonly #near: Socket
  readonly #delayMs: () => number
  #far: Socket | undefined
  #held: { dueAt: number; act: () => void }[] = []
  #timer: NodeJS.Timeout | undefined
  #frozen = false

  constructor(near: Socket, target: URL, delayMs: () => number) {
    this.#near = near
    this.#delayMs = delayMs
    this.#later(() => this.#dial(target))
    this.#forward(near, () => this.#far)
  }

  #dial(target: URL): void {
    this.#far = connect(Number(target.port), target.hostname.replace(/^\[|\]$/g, ''))
    this.#forward(this.#far, () => this.#near)
  }

  get over(): boolean {
    return this.#near.closed && (this.#far?.closed ?? true)
  }

  freeze(): void {
    this.#frozen = true
    for (const socket of [this.#near, this.#far]) socket?.pause()
  }

  thaw(): void {
    this.#frozen = false
    for (const socket of [this.#near, this.#far]) socket?.resume()
    this.#pass()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#held = []
    // No reset: of a socket that is being shut down Node 24 loses track, and then spins for ever when the process ends.
    for (const socket of [this.#near, this.#far]) socket?.destroy()
  }

  #forward(from: Socket, to: () => Socket | undefined): void {
    from.on('data', (chunk) => this.#later(() => to()?.write(chunk)))
    from.on('end', () => this.#later(() => to()?.end()))
    from.on('close', () => this.#later(() => to()?.destroy()))
    // A reset is passed on by the 'close' that follows.
    from.on('error', () => from.destroy())
  }

  #later(act: () => void): void {
    this.#held.push({ dueAt: performance.now() + this.#delayMs(), act })
    this.#pass()
  }

  #pass(): void {
    clearTimeout(this.#timer)
    for (let next = this.#held[0]; next && !this.#frozen; next = this.#held[0]) {
      const leftMs = next.dueAt - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#pass(), leftMs)
        return
      }
      this.#held.shift()
      next.act()
    }
  }
}
