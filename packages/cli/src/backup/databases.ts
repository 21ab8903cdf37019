import { existsSync } from 'node:fs'
import { monotonicClock } from '../clock.ts'
import { type DatabaseUrls, namedDatabase } from '../estate/database.ts'
import { findEstate } from '../estate/find.ts'
import { ensureDatabaseFolder, type Home, homeOf } from '../estate/home.ts'
import { endLeftovers } from '../estate/leftovers.ts'
import { Lock } from '../estate/lock.ts'
import { portsOf } from '../estate/ports.ts'
import { type Shell, tell } from '../shell.ts'

/** The databases of an estate, by the services that they belong to. The second one is there where there is a BFF. */
export interface Databases {
  idp: Pick<DatabaseUrls, 'ownerUrl' | 'serviceUrl'>
  bff: Pick<DatabaseUrls, 'ownerUrl' | 'serviceUrl'> | undefined
}

type Around = Pick<Shell, 'env' | 'folder' | 'stderr'>

/**
 * The databases that the environment names; otherwise those of the estate in `$REKEY_HOME`, whether it runs or not.
 *
 * @throws CliError `NO_ESTATE`, `ESTATE_UNREADABLE`
 */
export async function withDatabases<T>(shell: Around, act: (databases: Databases) => Promise<T>): Promise<T> {
  const named = namedDatabases(shell)
  if (named) return act(named)
  const home = homeOf(shell.env, shell.folder)
  const lock = existsSync(home.databasesFolder) ? lockIfFree(home) : undefined
  if (lock) return withStarted(home, lock, shell, act)
  const { database = '', bffDatabase } = findEstate({ ...shell.env, REKEY_IDP: undefined }, shell.folder)
  return act({
    idp: { ownerUrl: database, serviceUrl: database },
    bff: bffDatabase === undefined ? undefined : { ownerUrl: bffDatabase, serviceUrl: bffDatabase },
  })
}

/**
 * The same, for what no estate may run beside: the one in `$REKEY_HOME` has to be stopped.
 *
 * @throws CliError `ESTATE_RUNNING`
 */
export async function withIdleDatabases<T>(shell: Around, act: (databases: Databases) => Promise<T>): Promise<T> {
  const named = namedDatabases(shell)
  if (named) return act(named)
  const home = homeOf(shell.env, shell.folder)
  return withStarted(home, Lock.acquire(home.lockFile, process.pid), shell, act)
}

/** Those of a PostgreSQL of the operator's. */
export function namedDatabases({ env }: Pick<Shell, 'env'>): Databases | undefined {
  const idp = namedDatabase(env)
  return idp && { idp, bff: namedDatabase(env, 'BFF_') }
}

function lockIfFree(home: Home): Lock | undefined {
  try {
    return Lock.acquire(home.lockFile, process.pid)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ESTATE_RUNNING') return undefined
    throw error
  }
}

async function withStarted<T>(
  home: Home,
  lock: Lock,
  shell: Around,
  act: (databases: Databases) => Promise<T>,
): Promise<T> {
  // Loaded here alone, as for "rekey up".
  const { Database } = await import('../estate/database.ts')
  try {
    await endLeftovers(lock.leftBehind, monotonicClock)
    tell(shell as Shell, 'Starting PostgreSQL …')
    const place = { home: ensureDatabaseFolder(home), port: portsOf(shell.env).database }
    const database = await Database.start({ ...place, tell: (line) => tell(shell as Shell, line) })
    try {
      return await act({ idp: database, bff: database.bff })
    } finally {
      await database.stop()
    }
  } finally {
    lock.release()
  }
}
