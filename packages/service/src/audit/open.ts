import { Readable } from 'node:stream'
import {
  type AuditChain,
  type AuditSigner,
  type DatabaseTables,
  exportLines,
  openChain,
  type Verdict,
} from '@rekey/database'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { every } from '../every.ts'
import { nowAndThen } from './now-and-then.ts'
import { drainOutboxes } from './outboxes.ts'
import { sharedVerification } from './verification.ts'

const drainEveryMs = 1_000

/** What an audit has outside the database. */
export interface AuditFolders {
  /** Where signed checkpoints are kept. */
  auditCheckpoints?: string | undefined
  /** Folders of keyring stores whose changes are to reach the audit. */
  auditOutboxes: readonly string[]
}

/** What an instance does for the audit. */
export interface Audit {
  chain: Pick<AuditChain, 'ages' | 'brokenSince' | 'integrity' | 'last' | 'size'>
  signer: AuditSigner
  /** Reads the whole chain. All who ask at the same time share one reading. */
  verify(): Promise<Verdict>
  /** The whole chain as lines, read through a connection for requests. What breaks it off is logged. */
  lines<Tables extends DatabaseTables>(from: Kysely<Tables>): Readable
  /** Has what happened until now signed, then ends. */
  close(): Promise<void>
}

/**
 * Begins to chain events, to take over those of other stores, and to verify everything: now, and then about each hour.
 *
 * @throws DatabaseError, and what the file system throws when the checkpoints outside cannot be read
 */
export async function openAudit<Tables extends DatabaseTables>(
  db: Kysely<Tables>,
  signer: AuditSigner,
  { auditCheckpoints, auditOutboxes }: AuditFolders,
  log: Logger,
): Promise<Audit> {
  let open = true
  const told = (what: string) => (error: unknown) => {
    if (open) log.error({ err: error }, what)
  }
  const chain = await openChain(db, { signer, checkpointFile: auditCheckpoints, onError: told('the audit chain') })
  if (auditCheckpoints === undefined) {
    log.warn(
      'REKEY_AUDIT_CHECKPOINTS is not set: whoever may change the database may change the audit, and nobody sees it',
    )
  }
  const verify = sharedVerification(chain)
  const check = async () => {
    const { verified, ...found } = await chain.verify({ gently: true })
    if (!verified) log.error(found, 'the audit is not as it was written')
  }
  // Reading a long chain takes its time: an instance that is there to sign does not wait for it.
  const stopChecking = nowAndThen(check, told('the audit could not be verified'))
  const stopDraining = every(
    drainEveryMs,
    () => drainOutboxes(db, auditOutboxes),
    told('changes of keyrings that are kept in folders could not be written to the audit'),
  )

  return {
    chain,
    signer,
    verify,
    lines: (from) =>
      Readable.from(exportLines(from, signer), { objectMode: false }).on(
        'error',
        told('an export of the audit broke off'),
      ),
    async close() {
      await stopDraining()
      await chain.close()
      open = false
      // A reading that is under way is not waited for: it finds the database closed.
      stopChecking()
    },
  }
}
