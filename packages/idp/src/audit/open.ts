import { Readable } from 'node:stream'
import { type AuditChain, type AuditSigner, exportLines, openChain, type Verdict } from '@rekey/database'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { every } from '../every.ts'
import type { IdpDatabase } from '../tables.ts'
import { type Gathered, gather } from './gathered.ts'
import { drainOutboxes } from './outboxes.ts'
import { sharedVerification } from './verification.ts'

const drainEveryMs = 1_000
const verifyEveryMs = 3_600_000

/** What an instance does for the audit. */
export interface Audit {
  gathered: Gathered
  chain: Pick<AuditChain, 'integrity' | 'size'>
  signer: AuditSigner
  /** Reads the whole chain. All who ask at the same time share one reading. */
  verify(): Promise<Verdict>
  /** The whole chain as lines, read through a connection for requests. What breaks it off is logged. */
  lines(from: IdpDatabase): Readable
  /** Writes what was gathered, then ends. */
  close(): Promise<void>
}

/**
 * Begins to chain events, to take over those of other stores, and to verify everything: now, and then each hour.
 *
 * @throws DatabaseError, and what the file system throws when the checkpoints outside cannot be read
 */
export async function openAudit(
  db: IdpDatabase,
  signer: AuditSigner,
  { auditCheckpoints, auditOutboxes }: Pick<Config, 'auditCheckpoints' | 'auditOutboxes'>,
  clock: Clock,
  log: Logger,
): Promise<Audit> {
  let open = true
  const told = (what: string) => (error: unknown) => {
    if (open) log.error({ err: error }, what)
  }
  const chain = await openChain(db, { signer, checkpointFile: auditCheckpoints, onError: told('the audit chain') })
  const gathered = gather(db, clock, told('refusals could not be written to the audit'))
  const verify = sharedVerification(chain)
  const check = async () => {
    const { verified, ...found } = await verify()
    if (!verified) log.error(found, 'the audit is not as it was written')
  }
  const unverified = told('the audit could not be verified')
  // Reading a long chain takes its time: an instance that is there to sign does not wait for it.
  check().catch(unverified)
  const stopChecking = every(verifyEveryMs, check, unverified)
  const stopDraining = every(
    drainEveryMs,
    () => drainOutboxes(db, auditOutboxes),
    told('changes of keyrings that are kept in folders could not be written to the audit'),
  )

  return {
    gathered,
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
      await gathered.close()
      await chain.close()
      open = false
      // Not waited for: what reads a long chain finds the database closed.
      void stopChecking()
    },
  }
}
