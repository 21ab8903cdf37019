import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import { endLease, type LeaseReply, type LeaseRequest, renewLeases } from './leases.ts'

/** No statement gets larger than this; what is asked beyond it goes into the next one. */
const mostTogether = 500
/** Renewals of one client that may wait: more than it can have processes is a flood. */
const mostWaiting = 2_000

interface Waiting {
  request: LeaseRequest
  settle: PromiseWithResolvers<LeaseReply>
}

/**
 * Renewals that come while others are being written wait, and are then written together: after an event a thousand
 * verifiers renew in the same second, and one by one that is a thousand commits to disk. Who comes when nothing is being
 * written waits for nobody. Every renewal is judged by a statement that began after it had come, and what one process says is
 * recorded in the order in which it came, its goodbye included.
 */
export class Renewals {
  readonly #db: IdpDatabase
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined

  constructor(db: IdpDatabase) {
    this.#db = db
  }

  /** @throws IdpError `OVERLOADED` when too many of this client wait, `TOO_MANY_PROCESSES` when it has too many */
  async renew(request: LeaseRequest): Promise<LeaseReply> {
    const { clientId } = request
    if (this.#waiting.filter((waiting) => waiting.request.clientId === clientId).length >= mostWaiting) {
      throw new IdpError('OVERLOADED', 'too many renewals of this verifier wait; try again')
    }
    const settle = Promise.withResolvers<LeaseReply>()
    this.#waiting.push({ request, settle })
    this.#writing ??= this.#write()
    const reply = await settle.promise
    if (reply.full)
      throw new IdpError('TOO_MANY_PROCESSES', 'this verifier has too many processes: give names that stay')
    return reply
  }

  /** A goodbye. What the process asked before does not bring its lease back. */
  async end(clientId: string, instance: string): Promise<void> {
    const isGone = ({ request }: Waiting) => request.clientId === clientId && request.instance === instance
    const late = this.#waiting.filter(isGone)
    this.#waiting = this.#waiting.filter((waiting) => !isGone(waiting))
    for (const { settle } of late) settle.reject(new IdpError('OVERLOADED', 'this process has said goodbye'))
    await this.#writing
    await endLease(this.#db, clientId, instance)
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const together = this.#take()
      const requests = together.map(({ request }) => request)
      const replies = await renewLeases(this.#db, requests).catch((error: unknown) => {
        for (const { settle } of together) settle.reject(error)
      })
      for (const [i, { settle }] of together.entries()) settle.resolve(replies?.[i] as LeaseReply)
    }
    // In the same turn in which nobody was found waiting: who comes next starts anew.
    this.#writing = undefined
  }

  /** Of one process at most one, the first. */
  #take(): Waiting[] {
    const together = new Map<string, Waiting>()
    const later: Waiting[] = []
    for (const waiting of this.#waiting) {
      const { clientId, instance } = waiting.request
      const who = `${clientId}/${instance}`
      if (together.has(who) || together.size === mostTogether) later.push(waiting)
      else together.set(who, waiting)
    }
    this.#waiting = later
    return [...together.values()]
  }
}
