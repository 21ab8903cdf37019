import { setTimeout as wait } from 'node:timers/promises'
import { DatabaseError } from '../error.ts'
import { type Binaries, findBinaries } from './binaries.ts'
import { makeCluster } from './cluster.ts'
import { startFailure } from './failure.ts'
import { endLeftover } from './leftover.ts'
import { callbackLog, fileLog } from './log.ts'
import { findPlace, type Place } from './place.ts'
import { bffDatabaseName, bffServiceRole, databaseName, makeRoles, ownerRole, serviceRole, urlOf } from './roles.ts'
import { type Server, type ServerExit, startServer } from './server.ts'

const orphansPatienceMs = 5000
const orphansPollMs = 100

/** What an embedded server needs to know. */
export interface EmbeddedOptions {
  /**
   * The estate's folder. Holds `postgres.json` (0600: passwords, and where the data lies), `postgresql.log` and, where
   * possible, the data in `postgresql/`. It may be moved while nothing runs; data outside of it stays where it is.
   */
  home: string
  /** A free port; the server listens on 127.0.0.1 only. */
  port: number
  /** Takes the server's log line by line, instead of the file. */
  log?: (line: string) => void
}

/** A running embedded server. */
export interface Embedded {
  /** As the owner of database and schema; for migrations. */
  ownerUrl: string
  /** As the role that services use; it owns nothing. */
  serviceUrl: string
  /** The same of the database of the backend for frontend. Neither service gets into the other's. */
  bff: { ownerUrl: string; serviceUrl: string }
  pid: number
  /** Where its data lies: in the home, or outside when the server's user cannot enter that. */
  dataFolder: string
  /** Resolves when the server has ended, whoever ended it. Never rejects. */
  exited: Promise<ServerExit>
  /** Ends it within 3 s. May be called again, and after it ended by itself. */
  stop(): Promise<void>
}

/**
 * Starts a PostgreSQL of our own: makes data, roles and databases at first, ends what an earlier run left behind,
 * recovers from a crash. About 1 s the first time, 0.1 s later. The caller sees to it that a home has only one estate
 * running. Throws DatabaseError: PORT_TAKEN, DATA_FOLDER_IN_USE, DATA_FOLDER_UNREACHABLE, DATA_FOLDER_INCOMPATIBLE,
 * DISK_FULL, BINARIES_MISSING, START_FAILED.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  try {
    return await start(options)
  } catch (error) {
    throw await startFailure(error, options.home)
  }
}

async function start(options: EmbeddedOptions): Promise<Embedded> {
  const place = await findPlace(options.home)
  const binaries = await findBinaries(place)
  await endLeftover(place.data)
  const passwords = await makeCluster(place, binaries)
  const server = await startPatiently(place, binaries, options)
  try {
    await makeRoles(options.port, passwords)
  } catch (error) {
    await server.stop()
    throw error
  }
  const { port } = options
  return {
    ...server,
    dataFolder: place.data,
    ownerUrl: urlOf(ownerRole, passwords.owner, port, databaseName),
    serviceUrl: urlOf(serviceRole, passwords.service, port, databaseName),
    bff: {
      ownerUrl: urlOf(ownerRole, passwords.owner, port, bffDatabaseName),
      serviceUrl: urlOf(bffServiceRole, passwords.bffService, port, bffDatabaseName),
    },
  }
}

// After a kill -9 of the server its children hold the shared memory until each has noticed: soon, if they are not busy.
async function startPatiently(place: Place, binaries: Binaries, options: EmbeddedOptions): Promise<Server> {
  for (let waitedMs = 0; ; waitedMs += orphansPollMs) {
    const log = options.log ? callbackLog(options.log) : await fileLog(place.home)
    try {
      return await startServer(place, binaries, options.port, log)
    } catch (error) {
      const inUse = error instanceof DatabaseError && error.code === 'DATA_FOLDER_IN_USE'
      if (!inUse || waitedMs >= orphansPatienceMs) throw error
      await wait(orphansPollMs)
    } finally {
      log.close()
    }
  }
}
