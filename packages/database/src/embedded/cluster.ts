import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { syncToDisk } from '../disk.ts'
import { DatabaseError } from '../error.ts'
import type { Binaries } from './binaries.ts'
import { failureOf } from './failure.ts'
import { completed, newPasswords, type Passwords, readRecord, writeRecord } from './passwords.ts'
import { exists, type Place } from './place.ts'
import { runAs } from './run.ts'

/** The role that initdb makes. Only this package uses it, to make the roles that others know. */
export const superuser = 'postgres'

/**
 * Makes the data folder when there is none. initdb works in a folder with another name, which is renamed when it is
 * complete: so a data folder that exists is a whole one, and what a killed initdb left behind is thrown away.
 *
 * The home's record comes last. A crash before it leaves data whose passwords nobody knows, which get new ones; a record
 * without data would be a home whose database is lost.
 */
export async function makeCluster(place: Place, binaries: Binaries): Promise<Passwords> {
  if (!(await exists(place.data))) return initialiseCluster(place, binaries)
  await checkVersion(place, binaries)
  const record = await readRecord(place.home)
  if (!record) return resetPasswords(place, binaries)
  const passwords = completed(record)
  if (record.dataFolder === undefined || record.bffService === undefined) {
    await writeRecord(place.home, passwords, place.data)
  }
  return passwords
}

async function initialiseCluster(place: Place, binaries: Binaries): Promise<Passwords> {
  const passwords = newPasswords()
  const half = `${place.data}.new`
  const passwordFile = `${place.data}.password`
  await rm(half, { recursive: true, force: true })
  try {
    await makeOwnedFolder(half, place)
    await writeOwnedFile(passwordFile, passwords.superuser, place)
    await initialise(half, passwordFile, place, binaries)
    await rename(half, place.data)
    await syncToDisk(place.root)
  } finally {
    await rm(passwordFile, { force: true })
  }
  await writeRecord(place.home, passwords, place.data)
  return passwords
}

async function initialise(folder: string, passwordFile: string, place: Place, binaries: Binaries): Promise<void> {
  // The builtin locale sorts the same on every machine: an index survives a move to another operating system.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8']
  const auth = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`, `--username=${superuser}`]
  const initdb = join(binaries.folder, 'bin/initdb')
  const { code, output } = await runAs(place.account, initdb, [`--pgdata=${folder}`, ...locale, ...auth])
  if (code === 0) return
  await rm(folder, { recursive: true, force: true })
  throw failureOf(output, { data: place.data })
}

async function checkVersion(place: Place, binaries: Binaries): Promise<void> {
  const found = (await readFile(join(place.data, 'PG_VERSION'), 'utf8').catch(noVersion(place))).trim()
  const major = binaries.version.split('.')[0]
  if (found === major) return
  throw new DatabaseError(
    'DATA_FOLDER_INCOMPATIBLE',
    `${place.data} was made by PostgreSQL ${found}; this release brings ${major}. Run the release that made it, ` +
      'dump, and restore into a new home.',
    { facts: { found, expected: major } },
  )
}

const noVersion =
  (place: Place) =>
  (cause: unknown): never => {
    throw new DatabaseError('DATA_FOLDER_INCOMPATIBLE', `${place.data} is not a PostgreSQL data folder.`, { cause })
  }

/** `postgres.json` was lost. Whoever owns the files is entitled to the data, so the superuser gets a new password. */
async function resetPasswords(place: Place, binaries: Binaries): Promise<Passwords> {
  const passwords = newPasswords()
  const statement = `ALTER ROLE ${superuser} PASSWORD '${passwords.superuser}'\n`
  const postgres = join(binaries.folder, 'bin/postgres')
  const { code, output } = await runAs(place.account, postgres, ['--single', '-D', place.data, 'postgres'], statement)
  if (code !== 0 || /ERROR|FATAL/.test(output)) throw failureOf(output, { data: place.data })
  await writeRecord(place.home, passwords, place.data)
  return passwords
}

async function makeOwnedFolder(folder: string, place: Place): Promise<void> {
  await mkdir(folder, { mode: 0o700 })
  await give(folder, place)
}

async function writeOwnedFile(path: string, content: string, place: Place): Promise<void> {
  await rm(path, { force: true })
  await writeFile(path, content, { mode: 0o600, flag: 'wx' })
  await give(path, place)
}

async function give(path: string, { account }: Place): Promise<void> {
  if (account.uid !== undefined && account.gid !== undefined) await chown(path, account.uid, account.gid)
}
