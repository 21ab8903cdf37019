/**
 * `npm run bench:rotate`: rotations in a row under load, on two instances of the IdP and two APIs that hear of each key by
 * the feed. Nothing may fail. Exits with 1 when something did.
 */
import { readCounts } from '../estate/counts.ts'
import type { Idp } from '../estate/idp.ts'
import { percentile } from '../estate/percentile.ts'
import { layOut } from '../estate/table.ts'
import { Undo } from '../estate/undo.ts'
import { startEstate } from './estate.ts'
import { Load } from './load.ts'
import { type Rotations, rotateInARow } from './rotation.ts'

const USAGE = `usage: npm run bench:rotate [-- --rotations=1000 --rate=200]
  --rotations  how many, one after the other
  --rate       requests per second meanwhile`

const PROGRESS_EVERY = 50

const counts = readCounts({ rotations: '1000', rate: '200' }, USAGE)
process.exitCode = counts === undefined ? 2 : await main(counts)

async function main({ rotations: [rotations], rate: [rate] }: NonNullable<typeof counts>): Promise<number> {
  const undo = new Undo()
  undo.whenInterrupted()
  try {
    console.error('starting PostgreSQL, two instances of the IdP and two APIs')
    const estate = await startEstate(undo)
    const load = new Load(estate)
    const over = new AbortController()
    const loading = load.run(rate, over.signal)
    const memory = [`${await memoryOf(estate.idps)} at the start`]
    const failed = () => [...load.failures.values()].reduce((sum, count) => sum + count, 0)
    const seen = await rotateInARow(estate, rotations, async (done) => {
      if (done === Math.ceil(rotations / 2)) memory.push(`${await memoryOf(estate.idps)} after half of it`)
      if (done % PROGRESS_EVERY !== 0) return
      console.error(`${done} rotations  ${load.requests} requests  ${failed()} failed`)
    }).finally(() => over.abort())
    await loading
    memory.push(`${await memoryOf(estate.idps)} at the end`)
    console.log(table(seen, load, failed(), memory))
    for (const [cause, count] of load.failures) console.log(`FAILED  ${count} × ${cause}`)
    return failed() === 0 ? 0 : 1
  } finally {
    await undo.all()
  }
}

/** Resident memory of each instance, in MB. */
async function memoryOf(idps: readonly Idp[]): Promise<string> {
  const bytes = await Promise.all(idps.map((idp) => idp.metric('process_resident_memory_bytes')))
  return bytes.map((value) => `${Math.round(value / 2 ** 20)} MB`).join(', ')
}

function table(seen: Rotations, load: Load, failures: number, memory: readonly string[]): string {
  const { ms, tookMs, mostJwksBytes, mostJwksKeys, mostDocumentBytes } = seen
  const [p50, p99, max] = [50, 99, 100].map((percent) => percentile(ms, percent).toFixed(0))
  return layOut(
    [
      ['rotations', `${ms.length}, ${((ms.length * 1_000) / tookMs).toFixed(1)} per second`],
      ['asked to confirmed by all', `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`],
      ['requests', String(load.requests)],
      ['failures', String(failures)],
      ['expired on their way', String(load.tooLate)],
      ['JWKS at most', `${mostJwksBytes} bytes, ${mostJwksKeys} keys`],
      ['keyring document at most', `${mostDocumentBytes} bytes`],
      ['memory of the instances', memory.join('; ')],
    ],
    2,
  )
}
