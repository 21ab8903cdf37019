import { pinoRedaction } from '@rekey/redact'
import { createVerifier, denyList, logTrust, trustFeed, type Verifier } from '@rekey/verifier'
import { pino } from 'pino'
import { type Config, readConfig } from './config.ts'
import { buildServer } from './server.ts'

// Together with the IdP's own time to stop this stays below the 3 s in which a whole estate has to be gone.
const goodbyeWithinMs = 500

const config = readConfig(process.env)
const logger = pino({ ...pinoRedaction(), level: config.logLevel })
const verifier = makeVerifier(config)
const server = buildServer(verifier, logger)

let closing = false
logTrust(verifier, logger)
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

function makeVerifier(config: Config): Verifier {
  const { issuer, trustUrls, audience, algorithms, trust, stateFile, denyFile, instance } = config
  return createVerifier({
    issuer,
    audience,
    algorithms,
    denyList: denyList({ file: denyFile, stateFile: stateFile && `${stateFile}.denied` }),
    trust: trustFeed({
      issuer,
      url: trustUrls,
      ...trust,
      onLeaseLost: 'fail-closed',
      stateFile,
      ...(instance === undefined ? {} : { instance }),
    }),
  })
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
