import type { Transaction } from 'kysely'
import type { IdpTables } from '../../../tables.ts'
import type { Selected } from './selected.ts'

/** A token that is spared where everybody's sessions end: the one by which this is asked for. */
export interface Spared {
  tokenHash: Buffer
}

/** Where sessions are kept that somebody may have to end. */
export interface SessionStore {
  /** As evidence names it. */
  name: string
  /**
   * Ends sessions in the transaction of an incident's step. Safe to repeat. It takes no lock that the counter of changes
   * must come before: that one is taken last.
   *
   * @returns how many ended; `null` where that cannot be counted
   */
  end(transaction: Transaction<IdpTables>, selected: Selected, spared: Spared): Promise<number | null>
}
