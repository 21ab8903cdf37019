import type { Jobs } from '@rekey/database'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { IdpDatabase } from '../tables.ts'
import { tellOfExpiring } from './tell.ts'

const name = 'secrets-rotation'
const hourly = '0 * * * *'
const lookEveryMs = 2_000
/** A pass over a million credentials that are all new takes a minute and a half. */
const keeping = { expireInSeconds: 600, retryDelaySeconds: 60 }

/**
 * `SecretsRotationJob`: each hour, and whenever an instance is started, whoever is concerned is told which credentials expire soon.
 * Any instance does it, and another one again where that one was killed over it; each credential is told of once all the same.
 *
 * @param isWanted asked again and again: may this instance go on?
 */
export async function secretsRotationJob(
  jobs: Jobs,
  db: IdpDatabase,
  { expiry }: Pick<Config, 'expiry'>,
  isWanted: () => boolean,
  log: Logger,
): Promise<void> {
  const queue = await jobs.queue(name, keeping)
  await jobs.schedule(queue, hourly)
  await queue.insert([{ data: {} }])
  jobs.work(queue, { everyMs: lookEveryMs }, async (_jobs, signal) => {
    const { told, isCutShort } = await tellOfExpiring(db, expiry.warningMs, () => isWanted() && !signal.aborted)
    if (told > 0) log.info({ told }, 'credentials expire soon: it was told of them')
    // Whoever comes next goes on.
    if (isCutShort) await queue.insert([{ data: {} }])
  })
}
