import type { DenyEntry } from '../../deny/entry.ts'
import { VerifyError } from '../../error.ts'
import { compareRevisions, type TrustMessage } from './message.ts'

/**
 * Puts together the pages of one full set, as they come over one connection. Each carries a part of what is denied; the
 * keys are those of the last page. Until that one has come, nothing of the set counts.
 */
export class Pages {
  #first: TrustMessage | undefined
  #add: DenyEntry[] = []
  #revokedKids: string[] = []

  /** The whole message, or undefined while more pages follow. */
  take(message: TrustMessage): TrustMessage | undefined {
    if (this.#first === undefined && !message.more) return message
    this.#first ??= message
    if (!message.full || compareRevisions(message, this.#first) !== 0) {
      throw new VerifyError('feed_failed', { detail: 'another event amid the pages of a set' })
    }
    for (const entry of message.denied.add) this.#add.push(entry)
    for (const kid of message.revokedKids) this.#revokedKids.push(kid)
    return message.more ? undefined : this.#whole(message)
  }

  #whole(last: TrustMessage): TrustMessage {
    const whole = { ...last, revokedKids: this.#revokedKids, denied: { add: this.#add, drop: [] } }
    this.#first = undefined
    this.#add = []
    this.#revokedKids = []
    return whole
  }
}
