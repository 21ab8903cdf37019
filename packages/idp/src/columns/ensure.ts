import { isDeepStrictEqual } from 'node:util'
import {
  adoptPolicy,
  type Change,
  checkPolicy,
  ensureKeyring,
  type Hands,
  type Keyring,
  newKeyring,
  type Policy,
} from '@rekey/keyring'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import { columnsKeyring } from './list.ts'
import type { ColumnKeySource } from './source.ts'
import { firstOf, requireFit, takeIn } from './take-in.ts'

const kind = 'encryption-key'
const algorithm = 'A256GCM'

type Making = Pick<Hands, 'store' | 'make'>

/**
 * Makes sure that the keyring is there and has taken in what its source gives, unless an instance is live that knows nothing of
 * encrypted columns: it would take the keyring for one that signs. Any number of instances may do this at once.
 *
 * @throws KeyringError `POLICY_INVALID`, IdpError `COLUMN_KEY_WRONG`, SecretsError
 */
export async function ensureColumns(
  db: IdpDatabase,
  hands: Making,
  policy: Policy,
  source: ColumnKeySource | undefined,
): Promise<void> {
  const isThere = (await hands.store.load(columnsKeyring)) !== undefined
  if (!isThere && (await isOlderLive(db))) return
  if (source) await ensureGiven(db, hands, policy, source)
  else await ensureKeyring(hands, { name: columnsKeyring, kind, algorithm, policy })
}

/** Is an instance live of a release that does not say that it knows of encrypted columns? */
export async function isOlderLive(db: IdpDatabase): Promise<boolean> {
  const { rows } = await sql<{ older: boolean }>`SELECT EXISTS (SELECT FROM instances
    WHERE lease_until > clock_timestamp() AND (${columnsKeyring} = ANY (root_keys)) IS NOT TRUE) AS older`.execute(db)
  return rows[0]?.older ?? false
}

/** The ids of the keys that live instances say they hold. */
async function heldByLive(db: IdpDatabase): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`
    SELECT DISTINCT unnest(root_keys) AS id FROM instances WHERE lease_until > clock_timestamp()`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

async function ensureGiven(db: IdpDatabase, { store }: Making, policy: Policy, source: ColumnKeySource): Promise<void> {
  checkPolicy(policy)
  const keys = source.accepted ?? (await source.read())
  for (;;) {
    const existing = await store.load(columnsKeyring)
    if (existing) requireFit(existing, keys, source.variable)
    source.accept(keys)
    const elsewhere = await heldByLive(db)
    const now = await store.now()
    const next = existing
      ? takeIn(adoptPolicy(existing, policy), keys, source.variable, elsewhere, now)
      : firstOf(newKeyring(columnsKeyring, kind, algorithm, policy), keys, now)
    if (existing && isDeepStrictEqual(next, existing)) return
    if (await store.save(existing, next, changeFrom(existing, next, source.variable))) return
  }
}

function changeFrom(before: Keyring | undefined, after: Keyring, variable: string): Change {
  const versions = after.versions.flatMap(({ id }) => (before?.versions.some((known) => known.id === id) ? [] : [id]))
  const rotation = after.rotation !== undefined && before?.rotation !== after.rotation
  const details = { variable, versions, rotation, policy: after.policy }
  if (!before) return { action: 'keyring.created', actor: 'rekey', details }
  const isPolicyAlone = versions.length === 0 && !rotation && after.versions.length === before.versions.length
  return { action: isPolicyAlone ? 'keyring.policy_changed' : 'keyring.given', actor: 'rekey', details }
}
