/** The process of a backend for frontend: configuration from the environment, one instance, a clean end. */
import { runProcess } from '@rekey/service'
import { readConfig } from './config.ts'
import { startBff } from './start.ts'

await runProcess(readConfig, async (config, log) => {
  const { close } = await startBff(config, process.env, log)
  return { facts: { url: config.publicUrl }, close }
})
