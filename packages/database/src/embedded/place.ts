import { createHash } from 'node:crypto'
import { mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseError } from '../error.ts'
import { type Account, serverAccount } from './account.ts'
import { readRecord } from './passwords.ts'
import { canEnter } from './run.ts'

/**
 * Where an embedded server lives. `home` is the estate's, `root` is where the server's own user can get at its files.
 */
export interface Place {
  home: string
  root: string
  data: string
  account: Account
}

/**
 * Data lies in the home, unless the server's user cannot enter that (as root, with a home below a 0700 folder): then in
 * a folder of its own whose name is derived from the home's first path. From then on the home says where: it may be
 * moved, and data that is not there is an error and never a reason to begin with an empty database.
 */
export async function findPlace(requestedHome: string, outside = '/var/lib/rekey'): Promise<Place> {
  await mkdir(requestedHome, { recursive: true, mode: 0o711 })
  const home = await realpath(requestedHome)
  const inHome = join(home, 'postgresql')
  const apart = join(outside, createHash('sha256').update(home).digest('hex').slice(0, 16), 'postgresql')
  const record = await readRecord(home)
  const recorded = record?.dataFolder
  const data = recorded ?? (await firstThatExists(process.getuid?.() === 0 ? [apart, inHome] : [inHome]))
  if (record && !(data && (await exists(data)))) throw missing(home, recorded ?? `${inHome} or ${apart}`)
  return data ? existingPlace(home, data) : newPlace(home, inHome, apart)
}

async function existingPlace(home: string, data: string): Promise<Place> {
  const account = await serverAccount(data)
  const root = dirname(data)
  if (!(await canEnter(account, root))) throw closed(data, account)
  return { home, root, data, account }
}

async function newPlace(home: string, inHome: string, apart: string): Promise<Place> {
  const account = await serverAccount(undefined)
  if (await canEnter(account, home)) return { home, root: home, data: inHome, account }
  await mkdir(dirname(apart), { recursive: true, mode: 0o755 })
  return { home, root: dirname(apart), data: apart, account }
}

function missing(home: string, folder: string): DatabaseError {
  return new DatabaseError(
    'DATA_FOLDER_UNREACHABLE',
    `The database of ${home} is not where it was put: there is no ${folder}. Bring it back, or name the folder where ` +
      `it is now as "dataFolder" in ${join(home, 'postgres.json')}. To begin with an empty database, use another home.`,
    { facts: { folder } },
  )
}

// Starting with an empty database beside the existing one would look like total loss, so this stops instead.
function closed(data: string, account: Account): DatabaseError {
  return new DatabaseError(
    'DATA_FOLDER_UNREACHABLE',
    `The database in ${data} belongs to ${account.name}, who cannot enter that folder any more. ` +
      'Make the folders above it traversable (chmod o+x), or move the home back.',
    { facts: { folder: data } },
  )
}

async function firstThatExists(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) if (await exists(folder)) return folder
  return undefined
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
