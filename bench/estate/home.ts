import { randomBytes } from 'node:crypto'
import { appendFile, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Embedded, startEmbedded } from '@rekey/database'
import { freePort } from '@rekey/database/testing'
import { migrateIdp } from '@rekey/idp'
import type { Undo } from './undo.ts'

/** A PostgreSQL of its own with Rekey's schema, and the root key of the instances on it. */
export interface Home {
  readonly ownerUrl: string
  readonly serviceUrl: string
  /** The database of backends for frontends. They make their schema themselves. */
  readonly bff: { readonly ownerUrl: string; readonly serviceUrl: string }
  readonly rootKeyFile: string
}

/** @param settings lines for PostgreSQL's configuration, beyond what Rekey runs it with */
export async function startHome(undo: Undo, settings: readonly string[] = []): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-bench-'))
  undo.add(() => rm(folder, { recursive: true, force: true }))
  // As root the server runs as another user, who must be able to enter; the root key in here stays unreadable to them.
  await chmod(folder, 0o711)
  const rootKeyFile = join(folder, 'root-key')
  await writeFile(rootKeyFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  const starting = startDatabase(folder, settings)
  // Registered before it is there: whoever is interrupted now has to wait for it, to end it.
  undo.add(() => starting.then((database) => database.stop(), neverStarted))
  const database = await starting
  await migrateIdp(database.ownerUrl)
  const { ownerUrl, serviceUrl, bff } = database
  return { ownerUrl, serviceUrl, bff, rootKeyFile }
}

async function startDatabase(folder: string, settings: readonly string[]): Promise<Embedded> {
  const port = await freePort()
  const database = await startEmbedded({ home: folder, port })
  if (settings.length === 0) return database
  // Some settings are only read at the start; a server that was made a moment ago starts again in a tenth of a second.
  await database.stop()
  await appendFile(join(database.dataFolder, 'postgresql.conf'), `\n${settings.join('\n')}\n`)
  return startEmbedded({ home: folder, port })
}

/** Why is told to the one who started it. */
function neverStarted(): void {}
