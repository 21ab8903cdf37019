/** The process of an identity provider: configuration from the environment, one instance, a clean end. */
import { pinoRedaction } from '@rekey/redact'
import { pino } from 'pino'
import { readConfig } from './config.ts'
import { startIdp } from './start.ts'

const closeWithinMs = 2_000

// A parent that goes while this starts must not leave it behind.
const orphaned = () => process.exit(1)
if (process.connected) process.once('disconnect', orphaned)

const log = pino({ ...pinoRedaction(), level: 'info' })

try {
  const config = readConfig(process.env)
  log.level = config.logLevel
  const idp = await startIdp(config, process.env, log)
  log.info({ issuer: config.issuer, kids: idp.instance.keys().publicKeys.map((key) => key.kid) }, 'ready')
  process.send?.({ type: 'ready' })
  const end = (cause: string) => {
    log.info({ cause }, 'stopping')
    // What hangs must not keep a stopped service alive; its lease runs out by itself.
    setTimeout(() => process.exit(1), closeWithinMs).unref()
    idp.close().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'not closed cleanly')
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', end).once('SIGINT', end)
  process.off('disconnect', orphaned)
  if (process.channel) process.once('disconnect', () => end('parent is gone'))
} catch (error) {
  log.fatal({ err: error, code: (error as { code?: unknown }).code }, (error as Error).message)
  process.exit(1)
}
