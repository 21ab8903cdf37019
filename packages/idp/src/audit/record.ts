import { recordEvent } from '@rekey/database'
import type { Transaction } from 'kysely'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'

/** Writes down what a caller did in his own organization, in the transaction in which he does it. */
export function record(
  transaction: Transaction<IdpTables>,
  { clientId: actor, organizationId }: Pick<Caller, 'clientId' | 'organizationId'>,
  action: string,
  details: Record<string, unknown>,
): Promise<void> {
  return recordEvent(transaction, { action, outcome: 'success', actor, organizationId, details })
}
