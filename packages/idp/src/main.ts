/** The process of an identity provider: configuration from the environment, one instance, a clean end. */
import { runProcess } from '@rekey/service'
import { readConfig } from './config.ts'
import { startIdp } from './start.ts'

await runProcess(readConfig, async (config, log) => {
  const { instance, close } = await startIdp(config, process.env, log)
  return { facts: { issuer: config.issuer, kids: instance.keys().publicKeys.map((key) => key.kid) }, close }
})
