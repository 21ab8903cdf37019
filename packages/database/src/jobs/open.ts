import { PgBoss } from 'pg-boss'
import type { Pool } from '../connection/connect.ts'
import { asDatabaseError } from '../connection/translate.ts'
import { overPool } from './pool.ts'
import { type Job, openQueue, type Queue, type QueueOptions } from './queue.ts'
import { type WorkOptions, work } from './work.ts'

/** What jobs are opened with. */
export interface JobsOptions {
  /** May this instance act now (does it hold its lease)? Nothing is begun while it may not. */
  enabled: () => boolean
  /** Told of what fails. It is tried again by itself. */
  onError: (error: unknown) => void
  /** How often it is looked for jobs that were left behind, and for what is done and may go; 15 s by default. */
  superviseSeconds?: number
}

/** Jobs that outlast the instance that had them done. */
export interface Jobs {
  /** Makes sure that there is such a queue, with these options. */
  queue<Data extends object>(name: string, options: QueueOptions): Promise<Queue<Data>>
  /** Has the jobs of a queue done by this instance, from now on. */
  work<Data extends object>(
    queue: Queue<Data>,
    options: WorkOptions,
    act: (jobs: readonly Job<Data>[], signal: AbortSignal) => Promise<void>,
  ): void
  /**
   * Puts an empty job into a queue at each of these times, once for all instances; in UTC. A time at which none was running is
   * made up for by one job.
   *
   * @param cron five fields, minute first
   */
  schedule(queue: Queue<object>, cron: string): Promise<void>
  /** Ends the workers when what they have under way is done. The pool stays open. */
  close(): Promise<void>
}

/**
 * Opens pg-boss on a pool of ours, in the schema that `jobsMigrations` made. It makes no tables by itself, so that the
 * service need not own any, and needs no connection of its own, so that a transaction-mode pooler is good enough.
 *
 * @throws why the database cannot be reached, or that its schema is not the one of this release
 */
export async function openJobs(pool: Pool, { enabled, onError, superviseSeconds = 15 }: JobsOptions): Promise<Jobs> {
  const often = { superviseIntervalSeconds: superviseSeconds, monitorIntervalSeconds: superviseSeconds }
  // Rebuilding indexes is for their owner, and it is nobody's waiting for.
  const never = { migrate: false, createSchema: false, reindex: false, monitorVacuum: false }
  const boss = new PgBoss({ db: overPool(pool), schema: 'pgboss', ...often, ...never })
  boss.on('error', (error) => onError(asDatabaseError(error)))
  await boss.start()
  const workers: (() => Promise<void>)[] = []
  return {
    queue: (name, options) => openQueue(boss, name, options),
    work(queue, options, act) {
      workers.push(work(queue, options, act, { enabled, onError }))
    },
    schedule: (queue, cron) => boss.schedule(queue.name, cron, null, { missed: 'once' }),
    async close() {
      await Promise.all(workers.map((end) => end()))
      await boss.stop({ graceful: false, close: false })
    },
  }
}
