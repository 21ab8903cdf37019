import { randomBytes } from 'node:crypto'
import { databaseName, ownerRole } from '../embedded/roles.ts'
import { startTestServer, type TestServer, type TestServerAddress, withAdmin } from './server.ts'
import { workspaceMigrations } from './sources.ts'

/** The environment variable by which a run of tests hands its server to the test processes. */
export const testServerVariable = 'REKEY_TEST_SERVER'

/** A database that belongs to one test file, fully migrated. */
export interface TestDatabase {
  /** Of the superuser: roles are made by nobody else. */
  adminUrl: string
  ownerUrl: string
  serviceUrl: string
  /** Takes the database away (connections are ended, new ones refused), or gives it back. */
  reachable(allowed: boolean): Promise<void>
  /** Ends what is still connected and removes it. Call it in `after`: a server started for this file ends with it. */
  drop(): Promise<void>
}

let ownServer: Promise<TestServer> | undefined
let users = 0

/**
 * Clones the migrated template. Uses the server of the whole test run; when a file is run alone, starts
 * one and stops it when the last database is dropped.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = await serverOfRun()
  const name = `test_${randomBytes(6).toString('hex')}`
  await withAdmin(server.adminUrl, async (client) => {
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${databaseName} OWNER ${ownerRole}`)
  })
  const drop = async () => {
    await withAdmin(server.adminUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
    await server.release()
  }
  const reachable = (allowed: boolean) =>
    withAdmin(server.adminUrl, async (client) => {
      await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${allowed}`)
      if (!allowed)
        await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
    })
  return {
    adminUrl: at(server.adminUrl, name),
    ownerUrl: at(server.ownerUrl, name),
    serviceUrl: at(server.serviceUrl, name),
    reachable,
    drop: once(drop),
  }
}

async function serverOfRun(): Promise<TestServerAddress & { release(): Promise<void> }> {
  const given = process.env[testServerVariable]
  if (given) return { ...JSON.parse(given), release: async () => undefined }
  users += 1
  ownServer ??= startTestServer(workspaceMigrations())
  return { ...(await ownServer), release: releaseOwn }
}

async function releaseOwn(): Promise<void> {
  users -= 1
  if (users > 0) return
  const server = ownServer
  ownServer = undefined
  await (await server)?.stop()
}

function at(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= act()
    return done
  }
}
