import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePort } from '@rekey/database/testing'
import type { Home } from '../estate/home.ts'
import { untilReady } from '../estate/ready.ts'
import type { Undo } from '../estate/undo.ts'
import { endedEarly, stopProcess } from '../token/contestant.ts'
import { onServerCore } from '../token/cores.ts'

const MAIN = fileURLToPath(new URL('../../packages/idp/src/main.ts', import.meta.url))

/** An instance of the IdP as it runs in production, on the servers' core. */
export interface PinnedIdp {
  readonly url: string
  /** Of its process, so that what it used of the processor can be read. */
  readonly pid: number
}

/** @param env what differs from the defaults */
export async function startPinnedIdp(undo: Undo, home: Home, env: NodeJS.ProcessEnv = {}): Promise<PinnedIdp> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const [program, ...args] = onServerCore([process.execPath, MAIN])
  const child = spawn(program, args, {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: home.serviceUrl,
      REKEY_ISSUER: url,
      REKEY_PORT: String(port),
      REKEY_ROOT_KEY: `file:${home.rootKeyFile}`,
      REKEY_ADMINISTRATION_LIMIT: '1000000/1s',
      ...env,
    },
    // The channel is how it learns that this process is gone. Its log is written, and not kept.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  undo.add(() => stopProcess(child))
  await Promise.race([untilReady(`${url}/readyz`), endedEarly('the IdP', child)])
  if (child.pid === undefined) throw new Error('the IdP has no process')
  return { url, pid: child.pid }
}
