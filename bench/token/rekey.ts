import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Embedded, startEmbedded } from '@rekey/database'
import { freePort } from '@rekey/database/testing'
import { ensureClients, migrateIdp } from '@rekey/idp'
import { CLIENT_ID, CLIENT_SECRET, SCOPE } from './client.ts'
import { type Contestant, endedEarly, stopProcess } from './contestant.ts'
import { onServerCore } from './cores.ts'

const MAIN = fileURLToPath(new URL('../../packages/idp/src/main.ts', import.meta.url))
const READY_POLL_MS = 50

/**
 * Starts Rekey's IdP as it runs in production: its own process, an embedded PostgreSQL, sealed keys, leases, metrics and
 * logs. The client has a management scope too, as administrators have, and does not ask for it.
 */
export async function startRekey(name: string): Promise<Contestant> {
  const home = await mkdtemp(join(tmpdir(), 'rekey-bench-'))
  // As root the server runs as another user, who must be able to enter; the root key in here stays unreadable to them.
  await chmod(home, 0o711)
  const undo: (() => Promise<unknown>)[] = [() => rm(home, { recursive: true, force: true })]
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const database = await startEmbedded({ home, port: await freePort() })
    undo.push(() => database.stop())
    await prepare(database)
    const port = await freePort()
    const idp = spawnIdp(await environment(home, database, port))
    undo.push(() => stopProcess(idp))
    await Promise.race([untilReady(`http://localhost:${port}/readyz`), endedEarly(name, idp)])
    const url = `http://localhost:${port}/api/v1/token`
    return { name, url, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, scope: SCOPE, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function prepare(database: Embedded): Promise<void> {
  await migrateIdp(database.ownerUrl)
  const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, name: 'bench', scopes: [SCOPE, 'tokens:read'] }
  await ensureClients(database.ownerUrl, { agents: [client], verifiers: [] })
}

async function environment(home: string, database: Embedded, port: number): Promise<NodeJS.ProcessEnv> {
  const rootKey = join(home, 'root-key')
  await writeFile(rootKey, randomBytes(32).toString('hex'), { mode: 0o600 })
  return {
    PATH: process.env.PATH,
    DATABASE_URL: database.serviceUrl,
    DATABASE_OWNER_URL: database.ownerUrl,
    REKEY_ISSUER: `http://localhost:${port}`,
    REKEY_PORT: String(port),
    REKEY_ROOT_KEY: `file:${rootKey}`,
  }
}

function spawnIdp(env: NodeJS.ProcessEnv) {
  const [program, ...args] = onServerCore([process.execPath, MAIN])
  // The channel is how it learns that this process is gone. Its log is written, and not kept.
  return spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}

async function untilReady(url: string): Promise<void> {
  while (!(await isReady(url))) await wait(READY_POLL_MS)
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).status === 200
  } catch (error) {
    // fetch says in this way that nobody listens yet.
    if (error instanceof TypeError) return false
    throw error
  }
}
