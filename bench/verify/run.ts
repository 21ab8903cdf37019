import { type Contestant, contestantsFor } from './contestants.ts'
import { type AlgorithmName, sampleOf } from './token.ts'

/**
 * Verifies one token of about 867 bytes with 12 claims, again and again, with this library, with its peers and with
 * `crypto.verify` alone. Machines are noisy, so that only ratios count, and only those taken within one short round:
 * every contestant runs for a moment in every round, and the median of the rounds is what is held against the target.
 */
const ROUNDS = 41
const SLICE_MS = 25
const WARM_UP_MS = 250
const BATCH = 8

interface Target {
  readonly against: string
  readonly atLeast: number
}

const TARGETS: Readonly<Record<AlgorithmName, readonly Target[]>> = {
  ES256: [
    { against: 'crypto.verify alone', atLeast: 0.85 },
    { against: 'jose', atLeast: 1.6 },
  ],
  RS256: [
    { against: 'crypto.verify alone', atLeast: 0.62 },
    { against: 'jose', atLeast: 1.6 },
  ],
  Ed25519: [{ against: 'crypto.verify alone', atLeast: 0.95 }],
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Runs for `forMs` and returns operations per second. Only what returns a promise is awaited. */
async function rate(contestant: Contestant, forMs: number): Promise<number> {
  const begin = performance.now()
  let count = 0
  let passedMs = 0
  while (passedMs < forMs) {
    for (let i = 0; i < BATCH; i++) {
      const result = contestant.run()
      if (result instanceof Promise) await result
    }
    count += BATCH
    passedMs = performance.now() - begin
  }
  return (count / passedMs) * 1000
}

/** Rates by contestant, one a round. The order is turned each round, so that nobody always follows the same one. */
async function race(contestants: readonly Contestant[]): Promise<Map<string, number[]>> {
  const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  for (const contestant of contestants) await rate(contestant, WARM_UP_MS)
  for (let round = 0; round < ROUNDS; round++) {
    const turn = round % contestants.length
    for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      rates.get(contestant.name)?.push(await rate(contestant, SLICE_MS))
    }
  }
  return rates
}

async function measure(algorithm: AlgorithmName): Promise<boolean> {
  const sample = sampleOf(algorithm)
  const rates = await race(await contestantsFor(sample))
  const ours = rates.get('rekey') ?? []
  console.log(`\n${algorithm}, token of ${sample.token.length} bytes`)
  let met = true
  for (const [name, theirs] of rates) {
    const ratio = median(ours.map((own, round) => own / (theirs[round] ?? Number.NaN)))
    const target = TARGETS[algorithm].find(({ against }) => against === name)
    const ok = target === undefined || ratio >= target.atLeast
    met &&= ok
    const verdict = target === undefined ? '' : `target ${target.atLeast.toFixed(2)}  ${ok ? 'met' : 'MISSED'}`
    const perSecond = Math.round(median(theirs)).toLocaleString('en')
    console.log(
      `  ${name.padEnd(22)}${perSecond.padStart(9)} /s   rekey is ${ratio.toFixed(2)} x  ${verdict}`.trimEnd(),
    )
  }
  return met
}

let met = true
for (const algorithm of Object.keys(TARGETS) as AlgorithmName[]) met = (await measure(algorithm)) && met
process.exitCode = met ? 0 : 1
