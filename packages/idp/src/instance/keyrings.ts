import { databaseKeyringStore, type Sealer, sealerFor } from '@rekey/database'
import type { Hands } from '@rekey/keyring'
import { settleRootKeys } from '@rekey/service'
import { systemClock } from '../clock.ts'
import { legacyReading, requireAdmitted } from '../columns/legacy.ts'
import { columnsKeyring } from '../columns/list.ts'
import { type ColumnKeyring, openColumns } from '../columns/open.ts'
import { storedUnder } from '../root-keys/sealed.ts'
import { keyMaker } from '../signing/make.ts'
import { ensureDocuments, forceRotations } from './documents.ts'
import type { Opening } from './opening.ts'

/** Where the keyrings of an instance are, and how their keys are made and sealed. */
export type Keyrings = ReturnType<typeof openKeyrings>

/** Nothing is read yet. */
export function openKeyrings({ config, connections, roots: { rootKeys }, sources, log }: Opening) {
  const { db } = connections.control
  const settle = () => settleRootKeys(rootKeys, db, () => storedUnder(db))
  const sealer = sealerFor(rootKeys)
  const store = databaseKeyringStore(db)
  const legacy = legacyReading(db, config.columns, sources)
  const columnKeys = openColumns({
    ...{ db, store, sealer, settle, legacy, log },
    settings: config.columns,
    source: sources.keys,
  })
  const make = makerOf(sealer, settle, columnKeys)
  const ensure = async () => {
    await ensureDocuments(db, { store, make }, config)
    await columnKeys.ensure()
  }
  return { columnKeys, ensure, make, sealer, settle, store }
}

/**
 * Finds out under which root key is sealed, and makes sure that the keyrings exist. Somebody may have started this instance to have
 * them rotated.
 */
export async function ensureKeyrings(
  { config, connections, sources }: Opening,
  { settle, ensure, store }: Keyrings,
): Promise<void> {
  await settle()
  await requireAdmitted(connections.control.db, config.columns, sources)
  await ensure()
  if (config.forceRotation) await forceRotations(store)
}

/** Makes keys. Under which root key is asked anew each time: another instance may have begun a moment ago to seal under a newer one. */
function makerOf(sealer: Sealer, settle: () => Promise<void>, columns: Pick<ColumnKeyring, 'make'>): Hands['make'] {
  const makeSealed = keyMaker(sealer, systemClock)
  return async (keyring) => {
    if (keyring.name === columnsKeyring) return columns.make(keyring)
    await settle()
    return makeSealed(keyring)
  }
}
