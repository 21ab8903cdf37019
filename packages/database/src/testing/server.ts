import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { clientConfig } from '../connection/url.ts'
import { readRecord } from '../embedded/passwords.ts'
import { databaseName, ownerRole, urlOf } from '../embedded/roles.ts'
import { startEmbedded } from '../embedded/start.ts'
import { DatabaseError } from '../error.ts'
import type { MigrationSource } from '../migrations/files.ts'
import { migrate } from '../migrations/migrate.ts'
import { folderPrefix, removeLeftovers, removeServerFolders } from './leftovers.ts'
import { freePort } from './port.ts'
import { tieToThisProcess } from './tie.ts'

/** Where test processes find the server. Plain data: it goes to them through an environment variable. */
export interface TestServerAddress {
  adminUrl: string
  ownerUrl: string
  serviceUrl: string
}

/** A server that lives as long as a run of tests. */
export interface TestServer extends TestServerAddress {
  stop(): Promise<void>
}

const attempts = 5

/**
 * Starts an embedded server in a temporary folder, on a free port, whose database `rekey` is a migrated template. It ends
 * with this process, however that ends.
 */
export async function startTestServer(sources: readonly MigrationSource[]): Promise<TestServer> {
  await removeLeftovers(tmpdir())
  const home = await mkdtemp(join(tmpdir(), await folderPrefix()))
  // As root the server runs as another user, who must get through.
  await chmod(home, 0o711)
  const server = await startOnFreePort(home)
  const untie = tieToThisProcess(server, home)
  const stop = async () => {
    await server.stop()
    untie()
    await removeServerFolders(home, server.dataFolder)
  }
  try {
    await migrate(server.ownerUrl, sources)
    const adminUrl = await adminUrlOf(home, Number(new URL(server.ownerUrl).port))
    await closeTemplate(adminUrl)
    return { adminUrl, ownerUrl: server.ownerUrl, serviceUrl: server.serviceUrl, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

// Somebody else may take the port between our look and PostgreSQL's.
async function startOnFreePort(home: string) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startEmbedded({ home, port: await freePort() })
    } catch (error) {
      const taken = error instanceof DatabaseError && error.code === 'PORT_TAKEN'
      if (!taken || attempt === attempts) throw error
    }
  }
}

async function adminUrlOf(home: string, port: number): Promise<string> {
  const passwords = await readRecord(home)
  if (!passwords) throw new DatabaseError('START_FAILED', 'The test server has no passwords.')
  return urlOf('postgres', passwords.superuser, port, 'postgres')
}

// A connection to a template makes cloning it fail, so there must be none.
async function closeTemplate(adminUrl: string): Promise<void> {
  await withAdmin(adminUrl, async (client) => {
    await client.query(`ALTER ROLE ${ownerRole} CREATEDB`)
    await client.query(`ALTER DATABASE ${databaseName} IS_TEMPLATE true ALLOW_CONNECTIONS false`)
  })
}

export async function withAdmin<T>(adminUrl: string, act: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(clientConfig(adminUrl, 'rekey test'))
  await client.connect()
  return act(client).finally(() => client.end())
}
