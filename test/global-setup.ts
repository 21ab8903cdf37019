import { startTestServer, type TestServer, testServerVariable, workspaceMigrations } from '@rekey/database/testing'

let server: TestServer | undefined

/** One PostgreSQL for a whole run of tests: every test file clones its own database from a migrated template. */
export async function globalSetup(): Promise<void> {
  server = await startTestServer(workspaceMigrations())
  const { adminUrl, ownerUrl, serviceUrl } = server
  process.env[testServerVariable] = JSON.stringify({ adminUrl, ownerUrl, serviceUrl })
}

export async function globalTeardown(): Promise<void> {
  await server?.stop()
}
