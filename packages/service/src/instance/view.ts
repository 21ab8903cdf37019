import { randomUUID } from 'node:crypto'
import {
  type AuditSigner,
  type Connection,
  type DatabaseTables,
  type HeldRootKeys,
  type InstanceView,
  notifyThrough,
  openView,
  type Viewer,
} from '@rekey/database'
import type { Logger } from 'pino'
import { type Audit, type AuditFolders, openAudit } from '../audit/open.ts'

/** What an instance is told of where it is, and where its database is. */
export interface Located extends AuditFolders {
  host: string
  port: number
  databaseDirectUrl: string
}

/** What is sealed and signed by. */
export interface Roots {
  /** What is sealed is sealed under one of them. */
  rootKeys: HeldRootKeys
  /** Of the audit's checkpoints. */
  signer: AuditSigner
  /** The ids of what else an instance holds and others count on, beside those of the root keys. */
  alsoHeld?: () => readonly string[]
}

/**
 * Opens the view of an instance on its database, with its first lease, and the audit.
 *
 * @param connection for the lease
 * @throws DatabaseError, and what {@link openAudit} throws; nothing is open then
 */
export async function openAuditedView<Tables extends DatabaseTables>(
  located: Located,
  { db, pool }: Pick<Connection<Tables>, 'db' | 'pool'>,
  { rootKeys, signer, alsoHeld = () => [] }: Roots,
  viewer: Viewer,
  log: Logger,
): Promise<{ view: InstanceView; audit: Audit }> {
  const view = await openView(db, viewer, {
    id: randomUUID(),
    address: ownAddressOf(located),
    listenUrl: located.databaseDirectUrl,
    notify: notifyThrough(pool),
    rootKeys: {
      announce: () => [...rootKeys.announce(), ...alsoHeld()],
      announced: (ids) => rootKeys.announced(ids),
    },
    onError: (error) => log.error({ err: error }, 'view of the database could not be confirmed'),
  })
  const audit = await openAudit(db, signer, located, log).catch(async (error) => {
    await view.close()
    throw error
  })
  return { view, audit }
}

/** Where an instance itself can be reached, without a slash at the end; its public URL may be that of many. */
export function ownAddressOf({ host, port }: Pick<Located, 'host' | 'port'>): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
