import type { Evidence } from '../decide/evidence.ts'
import type { ClientKeyring, ClientKindName, InstanceKindName, Keyring } from '../lifecycle/keyring.ts'
import type { Version } from '../lifecycle/version.ts'
import type { Policy } from '../policy/signing.ts'

/** The answer to one of the two questions: may this be done now, and if not, for whom or what does it wait? */
export type Gate =
  | { open: true }
  | {
      open: false
      /** The parties or facts waited for, in words for an operator. */
      for: string[]
      /** When it opens by itself, in milliseconds since the epoch; `null` when that depends on somebody. */
      opensAt: number | null
      /** What is seen of somebody may open it before: when to look again. Absent where nothing can, or anything may at any moment. */
      lookAgainAt?: number
      /** Nothing hangs on the version any more: from the moment at which that was first seen the gate opens by the clock. */
      isEmptied?: boolean
    }

/**
 * A sort of secret that our own instances produce with, and others accept: the two questions of every rotation, answered for
 * it. The functions are pure.
 */
export interface InstanceKind {
  name: InstanceKindName
  holder: 'instances'
  /** Is a version that every instance serves always kept in reserve, so that an emergency need not wait for it? */
  standby: boolean
  /**
   * Does accepting take the private part too? Then it is kept for as long as the version is accepted; otherwise it goes when
   * the version can no longer be rolled back to.
   */
  acceptsByPrivate: boolean
  /** Who must have the prepared version before it is used, and have they? */
  propagated(keyring: Keyring, version: Version, evidence: Evidence, now: number): Gate
  /** Who still needs the retiring version, and have they let go? Asked once no instance produces with it any more. */
  drained(keyring: Keyring, version: Version, evidence: Evidence, now: number): Gate
  /**
   * What must be so before a version that was replaced is revoked? Where it is absent nothing must: what was made with it is
   * refused at once. Asked once no instance produces with it any more.
   */
  released?(keyring: Keyring, version: Version, evidence: Evidence, now: number): Gate
  /**
   * May its secrets be supplied from outside, and stay there? Then a document has no private part of a version that was given,
   * and while one of those is active, its successors are awaited from there and none is made.
   */
  mayBeSupplied?: true
  /** For how long the private part of one that was in use is kept in escrow after its end, in milliseconds. */
  escrowMs?(policy: Policy, end: 'retired' | 'revoked'): number
}

/**
 * A sort of secret that a client produces with, and our instances accept. The client is given its successor by whoever asks
 * for the rotation, so nothing is kept in reserve, nobody has to serve it first, and it succeeds at once; it never rotates by
 * itself. What a client holds may be closed: nothing is accepted of it then. The function is pure.
 */
export interface ClientKind {
  name: ClientKindName
  holder: 'client'
  /** May the client still need the retiring version? */
  drained(keyring: ClientKeyring, version: Version, evidence: Evidence, now: number): Gate
}

export type Kind = InstanceKind | ClientKind
