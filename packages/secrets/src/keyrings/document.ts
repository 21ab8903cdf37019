/** What a version of a keyring's path says. */
import { type AnyPolicy, type Change, type Keyring, KeyringError } from '@rekey/keyring'
import type { Fields, Found } from '../vault/kv.ts'

/** A change that was saved. */
export interface SavedChange {
  /** Made for this save alone: by it a writer whose reply was lost knows its own. */
  id: string
  revision: number
  /** By the clock of the store; milliseconds since the epoch. */
  savedAt: number
  change: Change
}

export interface Saved<P extends AnyPolicy> {
  keyring: Keyring<P>
  dueAt: number | null
  /** The newest first. */
  history: readonly SavedChange[]
}

/** As one text: numbers pass through Vault as it pleases. */
export function fieldsOf(saved: Saved<AnyPolicy>): Fields {
  return { document: JSON.stringify(saved) }
}

/**
 * @returns undefined when there is no such keyring
 * @throws KeyringError `STORE_DAMAGED` when the newest version is none that this store wrote there: one that was deleted by
 *   hand, or an older one that was put back, by which what was retired or revoked since would come back
 */
export function savedIn<P extends AnyPolicy>(name: string, found: Found): Saved<P> | undefined {
  if (found === 'missing') return undefined
  if (found === 'destroyed') throw damaged(name, 'its newest version was deleted in Vault')
  const saved = parsed<P>(name, found.fields)
  const { keyring } = saved
  if (keyring?.name === name && keyring.revision === found.version && Array.isArray(keyring.versions)) return saved
  throw damaged(name, `version ${found.version} in Vault was not written there by this store`)
}

function parsed<P extends AnyPolicy>(name: string, { document }: Fields): Saved<P> {
  try {
    const saved: Saved<P> | null = JSON.parse(String(document))
    if (saved && Array.isArray(saved.history)) return saved
  } catch {
    // The cause would quote the document.
    throw damaged(name, 'what is in Vault is not JSON')
  }
  throw damaged(name, 'what is in Vault is not the document of a keyring')
}

function damaged(keyring: string, why: string): KeyringError {
  return new KeyringError('STORE_DAMAGED', `keyring ${keyring}: ${why}`, { keyring })
}
