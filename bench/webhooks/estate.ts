/** What webhooks are sent by and to: tables, chain and jobs of a home, and a receiver. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { auditSigner, type Connection, columnCipher, connect, openChain, openJobs } from '@rekey/database'
import { createWebhook, openWebhooks } from '@rekey/idp/testing'
import { startHome } from '../estate/home.ts'
import type { Undo } from '../estate/undo.ts'

// The tables are the identity provider's; what is asked of them here is plain SQL.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Any = any

const caller = { clientId: 'bench', organizationId: 'default', scopes: new Set<string>() }

/** In a process of its own. @returns its port */
export async function startReceiver(undo: Undo): Promise<number> {
  const child = fork(new URL('receiver.ts', import.meta.url))
  undo.add(async () => void child.kill())
  const [{ port }] = await once(child, 'message')
  return port
}

/** One that tells a webhook of every rotation. */
export async function startEstate(undo: Undo, url: string): Promise<Connection<Any>> {
  const opened = <Part extends { close(): Promise<unknown> }>(part: Part): Part => {
    undo.add(() => part.close())
    return part
  }
  const home = await startHome(undo)
  const log = { error: console.error, warn: console.error, info: () => undefined } as Any
  const connection = opened(connect<Any>(home.serviceUrl, { max: 4 }))
  const writers = opened(connect<Any>(home.serviceUrl, { max: 2 }))
  const sealing = { id: 'columns-000000000000', key: Buffer.alloc(32, 7) }
  const columns = columnCipher({ find: () => sealing.key, sealing })
  await writers.pool.query(`INSERT INTO agents (agent_id, organization_id) VALUES ('bench', 'default')`)
  const signer = auditSigner({ id: 'bench', key: Buffer.alloc(32, 9) }, 'bench')
  opened(await openChain(writers.db, { signer, onError: (error) => log.error(error) }))
  const onError = (error: unknown) => log.error(error)
  const jobs = opened(await openJobs(connection.pool, { enabled: () => true, onError }))
  const body = { name: 'bench', url, events: ['credential.rotated'] }
  await writers.db.transaction().execute((tx) => createWebhook(tx as Any, plainly(columns), caller, body, 1))
  const webhooks = { allowPrivate: ['localhost'], timeoutMs: 10_000, retryBaseMs: 5_000, most: 1, keptMs: 1e9 }
  opened(
    await openWebhooks({
      config: { webhooks, jobs: { graceSeconds: 5, superviseSeconds: 15 } },
      db: connection.db,
      jobs,
      columns: plainly(columns) as Any,
      clock: Date.now,
      view: { held: () => true },
      counted: () => undefined,
      log,
    }),
  )
  return writers
}

/** The database admits plain values until an instance has made the keyring of its columns, which there is none of here. */
function plainly(columns: object) {
  return {
    ...columns,
    seal: (_c: unknown, _r: unknown, text: string) => text,
    open: (_c: unknown, _r: unknown, text: string) => text,
  }
}
