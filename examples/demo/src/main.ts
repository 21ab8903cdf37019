/** `npm run demo [-- --json FILE]`: starts an estate of its own, takes it through all phases, prints the table. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { systemClock } from './clock.ts'
import { demonstrate } from './demo.ts'
import { startEstate } from './estate/estate.ts'
import { reportText } from './report/text.ts'
import { Terminal } from './terminal.ts'

const terminal = new Terminal(process.stdout, systemClock)
const interruption = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort())
// Whatever goes wrong, what was started is stopped.
process.on('uncaughtException', (error) => interruption.abort(error))

try {
  const { values } = parseArgs({ options: { json: { type: 'string' } } })
  const code = await main(values.json ?? process.env.DEMO_JSON)
  // What happened while everything was stopped counts too.
  process.exitCode = interruption.signal.aborted ? 1 : code
} catch (error) {
  const interrupted = interruption.signal.aborted && isAbort(interruption.signal.reason)
  const cause = interruption.signal.aborted ? interruption.signal.reason : error
  terminal.say(interrupted ? 'interrupted; everything is stopped' : `stopped: ${(cause as Error).message}`)
  process.exitCode = interrupted ? 130 : 1
}

async function main(jsonFile: string | undefined): Promise<number> {
  const { signal } = interruption
  const { estate, died, stop } = await startEstate(signal, (line) => terminal.say(line))
  // A part that ends by itself ends the demo, at whatever it is.
  died.catch((error) => interruption.abort(error))
  try {
    const report = await demonstrate(estate, terminal, systemClock, signal)
    if (jsonFile) await writeFile(jsonFile, `${JSON.stringify(report, null, 2)}\n`)
    terminal.print(['', ...reportText(report), ''])
    return report.plannedFailures === 0 ? 0 : 1
  } finally {
    await stop()
  }
}

function isAbort(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'AbortError'
}
