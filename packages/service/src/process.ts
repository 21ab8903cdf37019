import { pinoRedaction } from '@rekey/redact'
import { type Logger, pino } from 'pino'

const closeWithinMs = 2_000

/** A service that is ready. */
export interface Running {
  /** For the log, beside `ready`. */
  facts: object
  close(): Promise<unknown>
}

/**
 * The process of a service: a log without secrets, one start, a clean end by SIGTERM, SIGINT, or when a parent that is
 * connected goes. That parent is sent `{ type: 'ready' }`. What fails at the start ends the process with 1.
 *
 * @param read the configuration
 */
export async function runProcess<Config extends { logLevel: string }>(
  read: (env: NodeJS.ProcessEnv) => Config,
  start: (config: Config, log: Logger) => Promise<Running>,
): Promise<void> {
  // A parent that goes while this starts must not leave it behind.
  const orphaned = () => process.exit(1)
  if (process.connected) process.once('disconnect', orphaned)
  const log = pino({ ...pinoRedaction(), level: 'info' })
  try {
    const config = read(process.env)
    log.level = config.logLevel
    const { facts, close } = await start(config, log)
    // Before anybody is told: whoever knows that it is ready may end it in the same moment.
    const end = ending(close, log)
    process.once('SIGTERM', end).once('SIGINT', end)
    process.off('disconnect', orphaned)
    if (process.channel) process.once('disconnect', () => end('parent is gone'))
    log.info(facts, 'ready')
    process.send?.({ type: 'ready' })
  } catch (error) {
    log.fatal({ err: error, code: (error as { code?: unknown }).code }, (error as Error).message)
    process.exit(1)
  }
}

function ending(close: () => Promise<unknown>, log: Logger): (cause: string) => void {
  return (cause) => {
    log.info({ cause }, 'stopping')
    // What hangs must not keep a stopped service alive; its lease runs out by itself.
    setTimeout(() => process.exit(1), closeWithinMs).unref()
    close().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'not closed cleanly')
        process.exit(1)
      },
    )
  }
}
