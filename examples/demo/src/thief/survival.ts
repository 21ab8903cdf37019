/** What became of a revoked key at one API. */
export interface Survival {
  /** Whether forged tokens were accepted before the revocation: without that, that they are refused says nothing. */
  worked: boolean
  /** For how long after the revocation they were still accepted, in milliseconds; `null`: to the end of the watch. */
  acceptedForMs: number | null
}

/** What one API said to the tokens of a thief, one probe after the other. Times are milliseconds since the epoch. */
export class Probes {
  readonly #seen: { sentAt: number; accepted: boolean }[] = []

  record(sentAt: number, accepted: boolean): void {
    this.#seen.push({ sentAt, accepted })
  }

  /** What the latest probe met. */
  get accepted(): boolean {
    return this.#seen.at(-1)?.accepted ?? false
  }

  /**
   * The bound from above: from the commit of the revocation to the first probe after the last one that was accepted.
   * Where none was accepted any more it is the first probe after the commit.
   */
  survival(revokedAt: number): Survival {
    const seen = this.#seen.toSorted((a, b) => a.sentAt - b.sentAt)
    const worked = seen.some(({ sentAt, accepted }) => accepted && sentAt < revokedAt)
    const last = seen.findLastIndex(({ accepted }) => accepted)
    const refused = seen.slice(last + 1).find(({ sentAt }) => sentAt >= revokedAt)
    return { worked, acceptedForMs: refused ? refused.sentAt - revokedAt : null }
  }
}
