import { recordEvent } from '@rekey/database'
import type { Round } from '../token/load.ts'
import { type Audit, eventNumber, plainSchema, untilChained } from './estate.ts'

export const CEILING = 'the same INSERTs unchained'
export const CHAINED = 'the audit chain'

const WRITERS = 10
const ROUNDS = 9
const ROUND_MS = 3000
const WARM_UP_MS = 2000

/** The rounds of both, taken in turns. */
export async function appendRounds(audit: Audit): Promise<Record<typeof CEILING | typeof CHAINED, Round[]>> {
  const rounds: Record<typeof CEILING | typeof CHAINED, Round[]> = { [CEILING]: [], [CHAINED]: [] }
  for (const chained of [true, false]) await append(audit, chained, WARM_UP_MS)
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const name of [CHAINED, CEILING] as const) {
      const result = await append(audit, name === CHAINED, ROUND_MS)
      rounds[name].push(result)
      console.error(`round ${round}  ${name}  ${Math.round(result.requestsPerSecond)} events/s`)
    }
  }
  return rounds
}

/** Each writer a transaction for every event, as fast as they are committed. */
async function append(audit: Audit, chained: boolean, lengthMs: number): Promise<Round> {
  const begun = performance.now()
  const latencies: number[] = []
  const write = async () => {
    while (performance.now() - begun < lengthMs) {
      const asked = performance.now()
      await audit.writers.db
        .transaction()
        .execute((transaction) =>
          recordEvent(chained ? transaction : transaction.withSchema(plainSchema), eventNumber(latencies.length)),
        )
      latencies.push(performance.now() - asked)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, write))
  if (chained) await untilChained(audit)
  const seconds = (performance.now() - begun) / 1000
  const p99Ms = latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? Number.NaN
  return { requestsPerSecond: latencies.length / seconds, p99Ms }
}
