import { decide } from '../decide/decide.ts'
import { noEvidence } from '../decide/evidence.ts'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { AnyPolicy } from '../policy/client.ts'
import type { Policy } from '../policy/signing.ts'

/** What a save is about, for the audit: stored in the same write as the document. */
export interface Change {
  /** For example `keyring.activated`. */
  action: string
  /** Who made it: a client id, or `rekey` for the loop. */
  actor: string
  /** Facts about it; never key material. */
  details: Record<string, unknown>
}

/**
 * Where keyrings live. Saving is a compare-and-swap: of any number of writers that started from the same revision one
 * wins, and the others learn that they lost by `undefined`. Those of a store have all the same sort of policy.
 */
export interface KeyringStore<P extends AnyPolicy = Policy> {
  /** @returns the newest document, or `undefined` when there is no keyring of that name */
  load(name: string): Promise<Keyring<P> | undefined>
  /** All keyrings, by name. */
  list(): Promise<Keyring<P>[]>
  /** Names of the keyrings whose next decision is due. */
  due(now: number): Promise<string[]>
  /**
   * Saves `next` if the stored document still has the revision of `previous` (`undefined`: if there is none yet).
   *
   * @returns the document as stored, with its new revision, or `undefined` when another writer was faster
   */
  save(previous: Keyring<P> | undefined, next: Keyring<P>, change: Change): Promise<Keyring<P> | undefined>
  /** The store's own clock, in milliseconds since the epoch: the one clock by which a keyring's times are kept. */
  now(): Promise<number>
}

/** What the loop needs of a store: it changes what is there, and creates nothing. */
export interface LoopStore<P extends AnyPolicy = Policy> extends Pick<KeyringStore<P>, 'load' | 'due' | 'now'> {
  /** As in `KeyringStore`, of a keyring that was there. */
  save(previous: Keyring<P>, next: Keyring<P>, change: Change): Promise<Keyring<P> | undefined>
}

/**
 * When a document that is being saved must be looked at next. Stores index it. `null`: not by itself. 0, which is always
 * over, where it waits for somebody: a clock that is set back must not put that off.
 */
export function nextDecisionAt(keyring: Keyring<AnyPolicy>, now: number): number | null {
  const at = decide(keyring, noEvidence, now).nextDecisionAt
  return at !== null && at <= now ? 0 : at
}
