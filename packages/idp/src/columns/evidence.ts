import { columnsHeld, type InstanceView } from '@rekey/database'
import { type Evidence, type Held, isAccepted, type Keyring } from '@rekey/keyring'
import { liveInstances } from '@rekey/service'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import { encryptedColumns } from './list.ts'

/**
 * What is known about the parties to keyring `columns`: the instances, and the values that hang on its versions. An instance that
 * has heard of a version and lacks its key, because its source does not have it yet, is behind.
 *
 * @param keyring was read before: what hangs on versions that it calls demoted can only become less
 */
export async function columnEvidence(
  db: IdpDatabase,
  view: Pick<InstanceView, 'live'>,
  keyring: Keyring,
): Promise<Evidence> {
  const counted = await columnsHeld(db, encryptedColumns)
  const holdings = await holdingsOf(db)
  const needed = keyring.versions.filter(isToSeal).map(({ id }) => id)
  // Last, because it looks at the clock: a step made while the others were read is noticed.
  const live = await view.live()
  const named = await liveInstances({ live: async () => live })
  const instances = named.map((instance, n) => {
    const holds = holdings.get(live[n]?.id ?? '') ?? []
    return needed.every((id) => holds.includes(id)) ? instance : { ...instance, applied: -1 }
  })
  return { instances, verifiers: [], held: withCbc(counted, keyring) }
}

/**
 * A value of the form `cbc` does not say which key made it. It may be any that was given: in an estate that was taken over the key
 * of old stands in the source of the new ones.
 */
function withCbc(held: ReadonlyMap<string, Held>, { versions }: Keyring): ReadonlyMap<string, Held> {
  const cbc = held.get('cbc')?.count ?? 0
  if (cbc === 0) return held
  const given = versions.filter(({ isGiven, state }) => isGiven && isAccepted({ state }))
  const hanging = given.map(
    ({ id }) => [id, { until: null, ...held.get(id), count: cbc + (held.get(id)?.count ?? 0) }] as const,
  )
  return new Map([...held, ...hanging])
}

const isToSeal = ({ state, revocation }: Keyring['versions'][number]) =>
  state === 'active' || (state === 'prepared' && !revocation)

/** By instance, the ids of the keys that it holds. */
async function holdingsOf(db: IdpDatabase): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await sql<{ id: string; keys: string[] | null }>`
    SELECT id, root_keys AS keys FROM instances`.execute(db)
  return new Map(rows.map(({ id, keys }) => [id, keys ?? []]))
}
