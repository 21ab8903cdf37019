import { Part } from '../estate/part.ts'
import type { Undo } from '../estate/undo.ts'

const SERVER = new URL('./broadcast-server.ts', import.meta.url)
const READERS = new URL('./broadcast-readers.ts', import.meta.url)

type Opened = { type: 'opened' }
type Listening = { type: 'listening'; port: number }
type Sent = { type: 'sent'; at: number }
type Heard = { type: 'heard'; at: number[] }

/** The ceiling: server-sent events to as many connections, without database, leases, trust or verification. */
export class Broadcast {
  readonly #server: Part
  readonly #readers: readonly Part[]

  private constructor(server: Part, readers: readonly Part[]) {
    this.#server = server
    this.#readers = readers
  }

  static async open(undo: Undo, processes: number, count: number): Promise<Broadcast> {
    const server = new Part('bare server', SERVER)
    undo.add(() => server.stop())
    const { port } = await server.hear<Listening>('listening')
    const readers = Array.from({ length: processes }, (_, i) => new Part(`bare readers ${i + 1}`, READERS))
    for (const part of readers) undo.add(() => part.stop())
    const opened = readers.map((part, i) => {
      const share = Math.floor(count / processes) + (i < count % processes ? 1 : 0)
      return part.ask<Opened>({ do: 'open', url: `http://127.0.0.1:${port}/`, count: share }, 'opened')
    })
    await Promise.all(opened)
    return new Broadcast(server, readers)
  }

  /** Sends one event of that many characters. @returns what each connection waited for it, in milliseconds */
  async once(length: number): Promise<number[]> {
    const heard = Promise.all(this.#readers.map((part) => part.hear<Heard>('heard')))
    await Promise.all(this.#readers.map((part) => part.ask<Listening>({ do: 'listen' }, 'listening')))
    const { at: start } = await this.#server.ask<Sent>({ text: `data: ${'x'.repeat(length)}\n\n` }, 'sent')
    return (await heard).flatMap(({ at }) => at.map((moment) => moment - start))
  }

  async close(): Promise<void> {
    await Promise.all([this.#server, ...this.#readers].map((part) => part.stop()))
  }
}
