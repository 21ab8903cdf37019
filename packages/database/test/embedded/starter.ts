// A process of its own that starts a server and then does nothing, so that tests can see what its death leaves behind.
import { startEmbedded } from '../../src/embedded/start.ts'

const [home = '', port] = process.argv.slice(2)
const { pid, ownerUrl, dataFolder } = await startEmbedded({ home, port: Number(port) })
console.log(JSON.stringify({ pid, ownerUrl, dataFolder }))
