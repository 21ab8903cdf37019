import type { Policy } from './signing.ts'

/** How a keyring that a client holds lets go of what was replaced. All members are milliseconds. */
export interface ClientPolicy {
  /**
   * For how long an old secret must not have been seen, once a later one was, before it is given up ahead of the end of its
   * overlap. Uses are noted a moment after they happen: it must be much longer than that moment.
   */
  quietMs: number
  /** How long an assertion that was signed just before a rotation can be valid, by every clock in the estate. */
  assertionMs: number
}

/** The policy of some keyring: which one follows from its kind. */
export type AnyPolicy = Policy | ClientPolicy
