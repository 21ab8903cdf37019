import type { Transaction } from 'kysely'
import type { PgBoss } from 'pg-boss'
import { within } from './pool.ts'

/** How the jobs of a queue are kept. */
export interface QueueOptions {
  /** A job whose worker has said nothing of its end for so long was left behind by it, and is done again by another one. */
  expireInSeconds: number
  /** So often at most; 1000 by default, for a worker that is killed is no fault of the job. */
  retryLimit?: number
  /** How long after that, or after a worker that threw; none by default. */
  retryDelaySeconds?: number
  /** How long one that is done is still there to be looked at; a minute by default. */
  keptSeconds?: number
}

/** What is to be done. */
export interface NewJob<Data extends object> {
  data: Data
  /** Not before; at once by default. */
  startAfter?: Date
  /** By which a worker may leave out some. */
  group?: string
}

/** What was taken, this time: a job that was given up and taken again elsewhere is not ended by whoever had it first. */
export interface Job<Data extends object> {
  id: string
  retryCount: number
  data: Data
}

/** The jobs of one name. */
export interface Queue<Data extends object> {
  readonly name: string
  /** Puts them in, as part of a transaction where one is given. */
  insert<Tables>(jobs: readonly NewJob<Data>[], transaction?: Transaction<Tables>): Promise<void>
  /** Takes what is due, the oldest first; nobody else takes the same. */
  take(most: number, exceptGroups?: readonly string[]): Promise<Job<Data>[]>
  /** They are done. Those that were given up and taken elsewhere meanwhile are left as they are. */
  complete<Tables>(jobs: readonly Job<Data>[], transaction?: Transaction<Tables>): Promise<void>
  /** They are to be done again, as the queue has it. */
  giveBack(jobs: readonly Job<Data>[], why: string): Promise<void>
}

const month = 30 * 24 * 3600

/** Makes sure that there is such a queue, with these options. */
export async function openQueue<Data extends object>(
  boss: PgBoss,
  name: string,
  { expireInSeconds, retryLimit = 1000, retryDelaySeconds = 0, keptSeconds = 60 }: QueueOptions,
): Promise<Queue<Data>> {
  const kept = { retentionSeconds: month, deleteAfterSeconds: keptSeconds }
  const options = { expireInSeconds, retryLimit, retryDelay: retryDelaySeconds, ...kept }
  await boss.createQueue(name, options)
  await boss.updateQueue(name, options)
  const attempts = (jobs: readonly Job<Data>[]) => jobs.map(({ id, retryCount }) => ({ id, retryCount }))
  const db = <Tables>(transaction?: Transaction<Tables>) => (transaction ? { db: within(transaction) } : {})
  return {
    name,
    async insert(jobs, transaction) {
      if (jobs.length > 0) await boss.insert(name, jobs.map(insertable), db(transaction))
    },
    take: (most, exceptGroups = []) =>
      boss.fetch<Data>(name, { batchSize: most, ignoreGroups: exceptGroups.length > 0 ? [...exceptGroups] : null }),
    async complete(jobs, transaction) {
      if (jobs.length > 0) await boss.complete(name, attempts(jobs), null, db(transaction))
    },
    async giveBack(jobs, why) {
      if (jobs.length > 0) await boss.fail(name, attempts(jobs), { why })
    },
  }
}

const insertable = <Data extends object>({ data, startAfter, group }: NewJob<Data>) => ({
  data,
  ...(startAfter && { startAfter }),
  ...(group !== undefined && { group: { id: group } }),
})
