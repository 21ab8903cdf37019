import type { Evidence } from '../decide/evidence.ts'
import type { Keyring, KindName } from '../lifecycle/keyring.ts'
import type { Version } from '../lifecycle/version.ts'

/** The answer to one of the two questions: may this be done now, and if not, for whom or what does it wait? */
export type Gate =
  | { open: true }
  | {
      open: false
      /** The parties or facts waited for, in words for an operator. */
      for: string[]
      /** When it opens by itself, in milliseconds since the epoch; `null` when that depends on somebody. */
      opensAt: number | null
    }

/**
 * A sort of secret: the two questions of every rotation, answered for it. The functions are pure.
 */
export interface Kind {
  name: KindName
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
  drained(keyring: Keyring, version: Version, now: number): Gate
}
