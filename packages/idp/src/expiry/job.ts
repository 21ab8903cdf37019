import type { InstanceView } from '@rekey/database'
import { every } from '@rekey/service'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { IdpDatabase } from '../tables.ts'
import { tellOfExpiring } from './tell.ts'

const everyMs = 3_600_000

/**
 * `SecretsRotationJob`: at the start of an instance, and each hour, whoever is concerned is told which credentials expire soon. All
 * instances run it; each credential is told of by one of them.
 *
 * @returns ends it, when what is under way is done
 */
export function secretsRotationJob(
  db: IdpDatabase,
  { expiry }: Pick<Config, 'expiry'>,
  view: Pick<InstanceView, 'held'>,
  log: Logger,
): () => Promise<void> {
  let isEnding = false
  const run = async () => {
    const told = await tellOfExpiring(db, expiry.warningMs, () => view.held() && !isEnding)
    if (told > 0) log.info({ told }, 'credentials expire soon: it was told of them')
  }
  const failed = (error: unknown) =>
    log.error({ err: error }, 'SecretsRotationJob: it is told of the others at its next run')
  const first = run().catch(failed)
  const stop = every(everyMs, run, failed)
  return async () => {
    isEnding = true
    await Promise.all([first, stop()])
  }
}
