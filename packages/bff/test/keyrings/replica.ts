/** Replicas that have nothing but their keyrings, on a real database and view. */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Connection,
  connect,
  databaseKeyringStore,
  notifyThrough,
  openView,
  type RootKey,
  sealerFor,
} from '@rekey/database'
import { type Hands, type Keyring, startLoop } from '@rekey/keyring'
import { RevocationJournal, readEnvironment } from '@rekey/service'
import { pino } from 'pino'
import { z } from 'zod'
import { secretsOf, secretVariables } from '../../src/config/secrets.ts'
import { evidenceFor } from '../../src/keyrings/evidence.ts'
import { ownKeyringsOf } from '../../src/keyrings/open.ts'
import type { OwnName } from '../../src/keyrings/own.ts'
import type { BffTables } from '../../src/tables.ts'
import { bffDatabase } from '../database.ts'
import { terms } from './samples.ts'

export type Replicas = Awaited<ReturnType<typeof startReplicas>>
export type Replica = Awaited<ReturnType<Replicas['replica']>>

export async function startReplicas() {
  const database = await bffDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'rekey-bff-keyrings-'))
  const control = connect<BffTables>(database.serviceUrl)
  const store = databaseKeyringStore(control.db)
  const root = { id: 'root', key: randomBytes(32) }
  const open: { close(): Promise<void> }[] = []

  return {
    control,
    store,
    document: async (name: OwnName): Promise<Keyring> => {
      const found = await store.load(name)
      if (!found) throw new Error(`there is no keyring ${name}`)
      return found
    },
    /** Puts another file in the place of what was there, as those do who change mounted secrets. @returns its path */
    async file(name: string, text: string): Promise<string> {
      const path = join(folder, name)
      await writeFile(`${path}.new`, text)
      await rename(`${path}.new`, path)
      return path
    },
    remove: (path: string) => rm(path),
    async replica(env: Record<string, string>) {
      const replica = await startReplica(database.serviceUrl, root, { TOKEN_HASH_SALT: 'keyring:', ...env })
      open.push(replica)
      return replica
    },
    async stop() {
      await Promise.all(open.map((replica) => replica.close()))
      await control.close()
      await database.drop()
      await rm(folder, { recursive: true })
    },
  }
}

async function startReplica(url: string, root: RootKey, env: Record<string, string>) {
  const connection: Connection<BffTables> = connect<BffTables>(url)
  const { db, pool } = connection
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) })
  const store = databaseKeyringStore(db)
  const secrets = secretsOf(readEnvironment(z.object(secretVariables), env))
  const journal = await RevocationJournal.open()
  const own = ownKeyringsOf({ ...terms, secrets }, store, sealerFor(root), async () => undefined, journal, log)
  const { memory, make } = own
  await own.ensure()
  let poke = () => {}
  const viewer = {
    reload: async () => {
      await own.ensure()
      await memory.reload()
    },
    apply: memory.apply,
    confirmed: () => poke(),
    lost: memory.drop,
  }
  const onError = (error: unknown) => log.error({ err: error }, 'view')
  const id = randomUUID()
  const view = await openView(db, viewer, { id, address: 'test', listenUrl: url, notify: notifyThrough(pool), onError })
  const hands: Hands = { store, make, observe: (keyring) => evidenceFor(db, view, keyring) }
  const loop = startLoop(hands, { everyMs: 200, enabled: () => view.held(), onError })
  poke = loop.poke
  const endWatch = own.watch(() => view.held())
  let closed: Promise<void> | undefined
  async function close() {
    await endWatch()
    await loop.stop()
    await view.close()
    await connection.close()
  }
  return {
    own,
    held: memory.held,
    hands,
    view,
    connection,
    lines,
    log,
    close: () => {
      closed ??= close()
      return closed
    },
  }
}
