/** A service that does as its first argument says. */
import { ServiceError } from '../src/error.ts'
import { runProcess } from '../src/process.ts'

const [behaviour] = process.argv.slice(2)
// Something that a process has to do, as a server would.
const busy = setInterval(() => undefined, 1_000)

await runProcess(
  () => ({ logLevel: 'info' }),
  async () => {
    if (behaviour === 'fails') throw new ServiceError('CONFIG_INVALID', 'there is nothing to start with')
    if (behaviour === 'takes long') {
      process.send?.('starting')
      await new Promise(() => undefined)
    }
    return {
      facts: { port: 1 },
      async close() {
        if (behaviour === 'hangs') await new Promise(() => undefined)
        if (behaviour === 'cannot close') throw new Error('not closed')
        clearInterval(busy)
      },
    }
  },
)
