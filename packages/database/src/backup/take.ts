import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { ClientBase } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { asDatabaseError } from '../connection/translate.ts'
import { syncToDisk } from '../disk.ts'
import { DatabaseError } from '../error.ts'
import { withClient } from '../migrations/migrate.ts'
import { beginCopy, listed, named } from './copy.ts'
import { rowsFrame, textFrame } from './frames.ts'
import { readHeader } from './header.ts'
import { type BackupDatabase, type BackupHeader, type BackupManifest, type BackupRows, backupForm } from './manifest.ts'
import { NamedKeys } from './named-keys.ts'
import { verifyBackup } from './read.ts'

/** A database that a backup is made of. */
export interface BackupSource {
  /** For example `idp`. */
  name: string
  /** As the role that owns the tables. */
  ownerUrl: string
}

/**
 * Makes a backup of databases into one file, while they are in use: each as it stands at one moment, those moments being one right
 * after the other. The file appears under its name only when it is whole, was read again and is on the disk; whoever else may not
 * read it. What stood there before is replaced then.
 *
 * @param release that is written into it
 * @throws DatabaseError those of connections, `DISK_FULL`, `BACKUP_DAMAGED` when what was written does not read as it should
 */
export async function takeBackup(
  path: string,
  sources: readonly BackupSource[],
  release: string,
): Promise<BackupManifest> {
  // Always the same: who was killed leaves one, and the next backup takes its place.
  const draft = `${path}.draft`
  try {
    await rm(draft, { force: true })
    await withSnapshots(sources, async (snapshots) => {
      await pipeline(Readable.from(framesOf(snapshots, release)), createGzip({ level: 6 }), newFile(draft))
    })
    await syncToDisk(draft)
    const manifest = await verifyBackup(draft)
    await rename(draft, path)
    await syncToDisk(dirname(path))
    return manifest
  } catch (error) {
    await rm(draft, { force: true })
    throw inWords(error, path)
  }
}

interface Snapshot {
  client: ClientBase
  header: BackupHeader
}

/** All moments are taken before the first row is read. */
function withSnapshots(
  [source, ...others]: readonly BackupSource[],
  act: (snapshots: readonly Snapshot[]) => Promise<void>,
  before: readonly Snapshot[] = [],
): Promise<void> {
  if (!source) return act(before)
  return withClient(source.ownerUrl, async (client) => {
    await beginCopy(client, 'REPEATABLE READ READ ONLY')
    const header = await readHeader(client, source.name)
    await withSnapshots(others, act, [...before, { client, header }])
  })
}

async function* framesOf(snapshots: readonly Snapshot[], release: string): AsyncGenerator<Buffer> {
  yield textFrame({ kind: 'backup', form: backupForm, release })
  const databases: BackupDatabase[] = []
  for (const { client, header } of snapshots) {
    yield textFrame({ kind: 'database', header })
    const keys = new NamedKeys()
    const rows: BackupRows[] = []
    for (const table of header.tables) rows.push(yield* tableOf(client, table.name, table.columns, keys))
    databases.push({ ...header, rows, needs: keys.found() })
  }
  yield textFrame({ kind: 'end', manifest: { form: backupForm, release, databases } satisfies BackupManifest })
}

async function* tableOf(
  client: ClientBase,
  name: string,
  columns: readonly string[],
  keys: NamedKeys,
): AsyncGenerator<Buffer, BackupRows> {
  yield textFrame({ kind: 'table', name })
  const digest = createHash('sha256')
  const copying = client.query(copyTo(`COPY ${named(name)} (${listed(columns)}) TO STDOUT`))
  for await (const chunk of copying) {
    digest.update(chunk)
    keys.read(chunk)
    yield rowsFrame(chunk)
  }
  const rows = { name, rows: copying.rowCount, sha256: digest.digest('hex') }
  yield textFrame({ kind: 'table-end', ...rows })
  return rows
}

/** Never one that is there: it would keep its mode, or lead elsewhere. */
const newFile = (path: string) => createWriteStream(path, { mode: 0o600, flags: 'wx' })

function inWords(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new DatabaseError('DISK_FULL', `There is no room for the backup ${path}.`, { cause: error, facts: { path } })
  }
  return asDatabaseError(error)
}
