/** One process of our own that produces with the keyring. Only those whose lease is not over are listed. */
export interface Instance {
  id: string
  /** It has applied every revision up to and including this one. */
  applied: number
  leaseUntil: number
}

/** One process that accepts what the keyring produces. Only those that may still be accepting are listed. */
export interface Verifier {
  id: string
  /** The revision that it said it holds. */
  holds: number
  /** The signature algorithms that it said it allows; none when it has not said. */
  algorithms: readonly string[]
  /** Until then it may go on accepting by what it holds: its lease, or the ceiling that it was started with. */
  leaseUntil: number
}

/** When a version was first and last seen in use by the client that holds it. Milliseconds since the epoch. */
export interface Use {
  firstAt: number
  lastAt: number
}

/** How much is there that was made with a version, and cannot be read or found without it. */
export interface Held {
  count: number
  /** When the last of it ends by itself, in milliseconds since the epoch; `null` when that depends on somebody. */
  until: number | null
  /** Somebody who did not hear of its demotion may still add to it. */
  isUnsettled?: true
}

/** What is known about the parties to a keyring at one moment. */
export interface Evidence {
  instances: readonly Instance[]
  verifiers: readonly Verifier[]
  /**
   * By version, what was seen of its use. Absent where nothing is known. A version that is missing was not seen: that does
   * not mean that nobody uses it.
   */
  uses?: ReadonlyMap<string, Use>
  /**
   * By version, what hangs on it. Absent where nothing is counted. Where it is, all that there is was counted, after the
   * document was read: nothing hangs on a version that is missing.
   */
  held?: ReadonlyMap<string, Held>
  /** When it was counted at the earliest, in milliseconds since the epoch; the moment of the decision where absent. */
  heldAt?: number
}

/** Nothing is known: every question that needs evidence is open. Used to tell when a saved document is due next. */
export const noEvidence: Evidence = {
  instances: [{ id: 'unknown', applied: -1, leaseUntil: Number.POSITIVE_INFINITY }],
  verifiers: [],
}
