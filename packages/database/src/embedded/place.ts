import { createHash } from 'node:crypto'
import { mkdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseError } from '../error.ts'
import { type Account, serverAccount } from './account.ts'
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
 * a folder of its own whose name is derived from the home.
 */
export async function findPlace(requestedHome: string, outside = '/var/lib/rekey'): Promise<Place> {
  await mkdir(requestedHome, { recursive: true, mode: 0o711 })
  const home = await realpath(requestedHome)
  const inHome = { home, root: home, data: join(home, 'postgresql') }
  const apartRoot = join(outside, createHash('sha256').update(home).digest('hex').slice(0, 16))
  const apart = { home, root: apartRoot, data: join(apartRoot, 'postgresql') }

  if (process.getuid?.() === 0 && (await exists(apart.data))) {
    return { ...apart, account: await serverAccount(apart.data) }
  }
  const hasData = await exists(inHome.data)
  const account = await serverAccount(hasData ? inHome.data : undefined)
  if (await canEnter(account, home)) return { ...inHome, account }
  if (hasData) throw unreachable(inHome.data, apart.data, account)
  await mkdir(apartRoot, { recursive: true, mode: 0o755 })
  return { ...apart, account }
}

// Starting with an empty database beside the existing one would look like total loss, so this stops instead.
function unreachable(data: string, apart: string, account: Account): DatabaseError {
  return new DatabaseError(
    'DATA_FOLDER_UNREACHABLE',
    `The database in ${data} belongs to ${account.name}, who cannot enter that folder any more. ` +
      `Make the folders above it traversable (chmod o+x), or move it to ${apart}.`,
    { facts: { folder: data } },
  )
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
