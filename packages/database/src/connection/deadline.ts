import pg from 'pg'
import { DatabaseError } from '../error.ts'

type Callback = (error: unknown, result: unknown) => void
type Send = (query: unknown, values?: unknown, callback?: Callback) => unknown

/**
 * The deadline of every query of one pool.
 *
 * A connection that a router or a firewall has forgotten takes queries and answers none, for the quarter of an hour that
 * TCP is patient. Who gets no answer in time loses the connection and not only the query: pg's own `query_timeout` leaves
 * the client as it is, and Kysely would put it back into the pool as sound.
 *
 * Such connections go silent together. The idle ones that were not heard either since the query was sent end with it, so
 * that the next query meets a new one. Those in use have deadlines of their own.
 */
export class Deadline {
  readonly #deadlineMs: number
  readonly #idle = new Set<pg.Client>()
  /** How many queries the pool had sent when the client last answered. */
  readonly #heard = new WeakMap<pg.Client, number>()
  #sent = 0

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs
  }

  /** What the pool makes its connections from. */
  clientClass(): typeof pg.Client {
    const deadline = this
    return class extends pg.Client {
      // The published overloads cannot be spelled as one; whoever calls sees them, because this is handed out as theirs.
      override query(...words: unknown[]): never {
        return deadline.#send(this, super.query.bind(this) as Send, words) as never
      }
    }
  }

  /** Learns from the pool which of its clients are idle. */
  follow(pool: pg.Pool): void {
    pool.on('release', (_error, client) => this.#idle.add(client))
    pool.on('acquire', (client) => this.#idle.delete(client))
    pool.on('remove', (client) => this.#idle.delete(client))
  }

  #send(client: pg.Client, send: Send, [query, values, callback]: unknown[]): unknown {
    // Cursors and streams are read at the pace of whoever reads them.
    if (typeof (query as { submit?: unknown } | undefined)?.submit === 'function') return send(query, values)
    const answered = this.#start(client)
    const told = [callback, values, (query as { callback?: unknown } | undefined)?.callback].find(isCallback)
    if (!told) {
      const result = send(query, values) as Promise<unknown>
      result.then(answered, answered)
      return result
    }
    return send(query, isCallback(values) ? undefined : values, (error, result) => {
      answered()
      told(error, result)
    })
  }

  /** @returns what to call when the answer is there, be it an error */
  #start(client: pg.Client): () => void {
    this.#sent += 1
    const sent = this.#sent
    let look: NodeJS.Immediate | undefined
    // A process that stood still finds its timers due before it reads what has come meanwhile: so it reads first.
    const timer = setTimeout(() => {
      look = setImmediate(() => this.#missed(client, sent))
    }, this.#deadlineMs)
    return () => {
      clearTimeout(timer)
      clearImmediate(look)
      this.#heard.set(client, this.#sent)
    }
  }

  #missed(client: pg.Client, sent: number): void {
    const mute = [...this.#idle].filter((idle) => (this.#heard.get(idle) ?? 0) < sent)
    const text = `PostgreSQL did not answer within ${this.#deadlineMs} ms.`
    for (const each of new Set([client, ...mute])) {
      // What every query of the client rejects with, and what it emits.
      each.connection.stream.destroy(
        new DatabaseError('UNREACHABLE', text, { facts: { deadlineMs: this.#deadlineMs } }),
      )
    }
  }
}

function isCallback(word: unknown): word is Callback {
  return typeof word === 'function'
}
