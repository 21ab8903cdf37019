import { exportLines, newestCheckpoint, recordEvents } from '@rekey/database'
import { verifyExport } from '@rekey/database/offline'
import { type Audit, eventNumber, untilChained } from './estate.ts'

const EVENTS = 200_000
const BATCH = 1000
const ROUNDS = 9

/** How many events are verified in a second of processor time: the median of the rounds, so that what else runs counts little. */
export async function verifyRounds(audit: Audit): Promise<number> {
  const lines = await exported(audit)
  const rounds: number[] = []
  // One more than is counted: the first goes to the compiler.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage()
    const { verified, checkedCount } = await verifyExport(streamed(lines))
    const { user, system } = process.cpuUsage(before)
    if (!verified || checkedCount < EVENTS) throw new Error('the export was not verified')
    if (round > 0) rounds.push((checkedCount / (user + system)) * 1e6)
    console.error(`round ${round}  ${Math.round(checkedCount / ((user + system) / 1e6))} events/s verified`)
  }
  return rounds.toSorted((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? Number.NaN
}

async function exported(audit: Audit): Promise<Buffer> {
  for (let n = 0; n < EVENTS; n += BATCH) {
    const events = Array.from({ length: BATCH }, (_, i) => eventNumber(n + i))
    await audit.writers.db.transaction().execute((transaction) => recordEvents(transaction, events))
  }
  await untilChained(audit)
  while (((await newestCheckpoint(audit.writers.db, audit.signer))?.size ?? 0) < EVENTS)
    await new Promise((resolve) => setTimeout(resolve, 50))
  const pages: string[] = []
  for await (const page of exportLines(audit.writers.db, audit.signer)) pages.push(page)
  return Buffer.from(pages.join(''))
}

/** As a file is read. */
async function* streamed(text: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 65_536) yield text.subarray(at, at + 65_536)
}
