// A process of its own that has a test server, so that tests can see what its death leaves behind.
import { startTestServer } from '../../src/testing/server.ts'

const { adminUrl } = await startTestServer([])
console.log(adminUrl)
