import { pinoRedaction } from '@rekey/redact'
import { createVerifier, trustFeed, type Verifier } from '@rekey/verifier'
import { type Logger, pino } from 'pino'
import { type Config, readConfig } from './config.ts'
import { buildServer } from './server.ts'

// Together with the IdP's own time to stop this stays below the 3 s in which a whole estate has to be gone.
const goodbyeWithinMs = 500

const config = readConfig(process.env)
const logger = pino({ ...pinoRedaction(), level: config.logLevel })
const verifier = makeVerifier(config)
const server = buildServer(verifier, logger)

let closing = false
reportTrust(verifier, logger)
endWithParent()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => close(signal))
await server.listen({ host: config.host, port: config.port })
try {
  await verifier.start()
  if (process.connected) process.send?.({ type: 'ready' })
} catch (error) {
  // Closed before it had trust: no failure. Anything else will not get better by waiting.
  if (!closing) fail(error)
}

function makeVerifier({ issuer, trustUrls, audience, algorithms, trust, stateFile, instance }: Config): Verifier {
  return createVerifier({
    issuer,
    audience,
    algorithms,
    trust: trustFeed({
      issuer,
      url: trustUrls,
      ...trust,
      onLeaseLost: 'fail-closed',
      ...(stateFile === undefined ? {} : { stateFile }),
      ...(instance === undefined ? {} : { instance }),
    }),
  })
}

/** What changes in trust is worth a line each; requests are only counted. */
function reportTrust(source: Verifier, log: Logger): void {
  source.on('keyAdded', (kid) => log.info({ kid }, 'key trusted'))
  source.on('keyRemoved', (kid) => log.info({ kid }, 'key no longer trusted'))
  source.on('keyRevoked', (kid) => log.warn({ kid }, 'key revoked'))
  source.on('leaseLost', () => log.error('lease lost: every token is refused until the issuer is heard again'))
  source.on('leaseRegained', () => log.info('lease regained'))
  source.on('problem', (error) => log.warn({ err: error, code: error.code }, 'trust could not be refreshed'))
}

/** Started with an IPC channel this process belongs to another one, and must not outlive it and keep its port. */
function endWithParent(): void {
  if (process.channel) process.on('disconnect', () => close('parent gone'))
}

function fail(error: unknown): void {
  logger.fatal({ err: error }, 'trust can never be held')
  process.exit(1)
}

async function close(reason: string): Promise<void> {
  if (closing) return
  closing = true
  logger.info({ reason }, 'closing')
  // An issuer that does not answer the goodbye must not keep us: its lease on us runs out.
  const giveUp = setTimeout(() => process.exit(0), goodbyeWithinMs)
  await server.close()
  await verifier.close()
  clearTimeout(giveUp)
  if (process.connected) process.disconnect()
}
