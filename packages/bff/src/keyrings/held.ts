/** The BFF's own keyrings, as an instance holds them on its view of the database. */
import type { Keyring } from '@rekey/keyring'

/** Keyrings of kind `sealing-key`: what goes to the browser and comes back is made by them. */
export type SealingName = 'csrf' | 'state' | 'session'

/** Keyrings of kind `salt`: what is looked up by a hash is hashed with them. */
export type SaltName = 'token-hash' | 'ua-hash'

/** Read anew whenever a keyring changes; ask for them at each use, and keep nothing of them. */
export interface HeldKeyrings {
  sealing(name: SealingName): SealingKeyring
  salt(name: SaltName): SaltKeyring
  /** The documents, for metrics and status. */
  documents(): ReadonlyMap<string, Keyring>
}

/**
 * What was made is told apart by `purpose`: a value that was sealed for one does not open for another. Every text names the
 * version that made it.
 */
export interface SealingKeyring {
  /** The version that produces now. */
  readonly activeId: string
  /** AES-256-GCM by the active version. @returns text that may stand in a cookie or a URL */
  seal(purpose: string, plain: string | Uint8Array): string
  open(purpose: string, text: string): Opened
  /** HMAC-SHA-256 by a version that is accepted, the active one by default. @returns nothing for one that is not accepted */
  mac(purpose: string, data: string, version?: string): Buffer | undefined
}

/** `malformed`: never made by us. `unknown`: no version of that name is accepted any more, or ever was. `tampered`: it was, and does not open. */
export type Opened =
  | { readonly ok: true; readonly plain: Buffer; readonly version: string; readonly isActive: boolean }
  | { readonly ok: false; readonly cause: 'malformed' | 'unknown' | 'tampered' }

export interface SaltKeyring {
  readonly active: Salt
  /** The active one first. */
  readonly accepted: readonly Salt[]
}

/** One version of a salt. */
export interface Salt {
  readonly id: string
  /** HMAC-SHA-256. */
  hash(text: string): Buffer
}
