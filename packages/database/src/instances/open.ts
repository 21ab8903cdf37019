import type { Kysely } from 'kysely'
import { revisionChannel } from '../changes/record.ts'
import { monotonicClock, systemAfter, systemClock } from '../clock.ts'
import { openListener } from '../listener/open.ts'
import type { DatabaseTables } from '../tables.ts'
import type { Clocks } from './lease.ts'
import { type AnnouncedKeys, databaseLedger } from './ledger.ts'
import { beatMs, InstanceView } from './view.ts'
import type { Viewer } from './viewer.ts'

/** What it takes to open a view on PostgreSQL. */
export interface OpenViewOptions {
  id: string
  /** Where it can be reached; shown to operators. */
  address: string
  /** For LISTEN; must reach PostgreSQL without a transaction-mode pooler between. */
  listenUrl: string
  notify: (channel: string, payload: string) => Promise<void>
  onError: (error: unknown) => void
  /** The root keys that it holds. */
  rootKeys?: AnnouncedKeys
  clocks?: Clocks
}

/**
 * Opens a view on a PostgreSQL database. It holds its first lease when this resolves.
 *
 * @throws DatabaseError `LISTEN_UNSUPPORTED`, or why the database cannot be reached
 */
export function openView<T extends DatabaseTables>(
  db: Kysely<T>,
  viewer: Viewer,
  { id, address, listenUrl, notify, onError, rootKeys, clocks }: OpenViewOptions,
): Promise<InstanceView> {
  return InstanceView.open(viewer, {
    id,
    address,
    onError,
    ledger: databaseLedger(db, rootKeys),
    listen: (heard) => openListener({ url: listenUrl, channel: revisionChannel, notify, pingMs: beatMs, ...heard }),
    clocks: clocks ?? { wall: systemClock, monotonic: monotonicClock },
    after: systemAfter,
  })
}
