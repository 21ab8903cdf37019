import { freePort } from '@rekey/database/testing'
import type { Home } from './home.ts'
import { Part } from './part.ts'
import type { Undo } from './undo.ts'

const MAIN = new URL('../../packages/idp/src/main.ts', import.meta.url)

/** An instance of the IdP as it runs in production: its own process, sealed keys, lease, metrics and logs. */
export interface Idp {
  readonly url: string
  /** Ends this process by a signal and starts another one in its place; resolves when that is ready. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Sum of the samples of a metric that have all these labels. */
  metric(name: string, labels?: string): Promise<number>
}

/** @param env what differs from the defaults; `REKEY_ISSUER` where several instances are one issuer */
export async function startIdp(undo: Undo, name: string, home: Home, env: NodeJS.ProcessEnv = {}): Promise<Idp> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const environment = {
    DATABASE_URL: home.serviceUrl,
    REKEY_ISSUER: url,
    REKEY_PORT: String(port),
    REKEY_ROOT_KEY: `file:${home.rootKeyFile}`,
    // Every verifier is on the feed.
    REKEY_ANONYMOUS_PROPAGATION: '0s',
    ...env,
  }
  const start = () => {
    const started = new Part(name, MAIN, environment)
    undo.add(() => started.stop())
    return started
  }
  let part = start()
  await part.untilReady(`${url}/readyz`)
  return {
    url,
    async restart(signal) {
      await part.stop(signal)
      part = start()
      await part.untilReady(`${url}/readyz`)
    },
    async metric(metric, labels = '') {
      const text = await (await fetch(`${url}/metrics`)).text()
      return text
        .split('\n')
        .filter((line) => line.startsWith(`${metric} `) || (line.startsWith(`${metric}{`) && line.includes(labels)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
    },
  }
}
