export { type TestDatabase, testDatabase, testServerVariable } from './testing/database.ts'
export { type Proxy, proxyFor } from './testing/proxy.ts'
export { freePort, startTestServer, type TestServer, type TestServerAddress } from './testing/server.ts'
export { workspaceMigrations } from './testing/sources.ts'
