import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestServer, type TestServer, testServerVariable, workspaceMigrations } from '@rekey/database/testing'

let server: TestServer | undefined

/**
 * One PostgreSQL for a whole run of tests: every test file clones its own database from a migrated template. Hundreds of processes
 * load the same modules: what Node keeps of those that it compiled, where it keeps that by itself, halves the time of a start.
 */
export async function globalSetup(): Promise<void> {
  server = await startTestServer(workspaceMigrations())
  const { adminUrl, ownerUrl, serviceUrl } = server
  process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache')
  process.env[testServerVariable] = JSON.stringify({ adminUrl, ownerUrl, serviceUrl })
}

export async function globalTeardown(): Promise<void> {
  await server?.stop()
}
