import { contestantsFor } from './contestants.ts'
import { median, race } from './race.ts'
import { type AlgorithmName, sampleOf } from './token.ts'

/**
 * Verifies one token of about 867 bytes with 12 claims, again and again, with this library, with its peers and with
 * `crypto.verify` alone. The median of the rounds is what is held against the target.
 */
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
