import { connect, type InstanceView, openJobs } from '@rekey/database'
import { systemClock } from '../clock.ts'
import type { ColumnKeyring } from '../columns/open.ts'
import { columnSweeper } from '../columns/sweep.ts'
import { secretsRotationJob } from '../expiry/job.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { IdpTables } from '../tables.ts'
import { openWebhooks } from '../webhooks/open.ts'
import type { Opening } from './opening.ts'

/** Work that nobody's request waits for: encrypting anew as soon as there is a key to do it by, jobs, and webhooks. */
export async function openBackground(
  { config, connections, opened, log }: Opening,
  columnKeys: ColumnKeyring,
  view: InstanceView,
  { webhookAttempts }: Pick<Metrics, 'webhookAttempts'>,
) {
  const { db } = connections.control
  const mayAct = () => view.held()
  await columnKeys.ready()
  const sweeper = columnSweeper(db, columnKeys, mayAct, log)
  opened({ close: sweeper.stop })
  // Of their own: neither do requests wait for deliveries, nor does the lease.
  const background = opened(connect<IdpTables>(config.databaseUrl, { max: 4, applicationName: 'rekey-idp-jobs' }))
  const onError = (error: unknown) => log.error({ err: error }, 'jobs: what failed is tried again')
  const jobs = opened(
    await openJobs(background.pool, { enabled: mayAct, onError, superviseSeconds: config.jobs.superviseSeconds }),
  )
  await secretsRotationJob(jobs, db, config, mayAct, log)
  const webhooks = opened(
    await openWebhooks({
      ...{ config, db: background.db, jobs, columns: columnKeys.cipher, clock: systemClock, view, log },
      counted: (outcome) => webhookAttempts.inc({ outcome }),
    }),
  )
  return { columnSweeper: sweeper, jobs, webhooks }
}
