/**
 * `npm run bench:break-glass`: the whole procedure against a compromised key, from the first look to the signed evidence, with
 * 10, 100 and 1,000 verifiers on the feed of one IdP and a few APIs that are probed; and how long after the commit of the
 * revocation the verifiers refuse the key and have acknowledged that. Exits with 1 when a goal is missed.
 */
import { readCounts } from '../estate/counts.ts'
import { layOut } from '../estate/table.ts'
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'
import { type Measured, measure } from './measure.ts'

const USAGE = `usage: npm run bench:break-glass [-- --sizes=10,100,1000 --rounds=3 --processes=4]
  --sizes      numbers of verifiers, each measured for itself
  --rounds     incidents at each size
  --processes  over which the verifiers are spread; each serves an API that is probed`

/** From the commit of the revocation until 99 of 100 verifiers refuse, and until the last one has acknowledged that. */
const CONFIRMED_MS = 1_000
/** From the start until the evidence is sealed. */
const WHOLE_MS = 10_000

const HEADING = [
  'verifiers',
  'refused p50 ms',
  'p99',
  'max',
  'all confirmed ms',
  'whole procedure ms',
  'CPU ms a renewal',
  'steps',
]

const counts = readCounts({ sizes: '10,100,1000', rounds: '3', processes: '4' }, USAGE)
process.exitCode = counts === undefined ? 2 : await main(counts)

async function main({ sizes, rounds: [rounds], processes: [processes] }: NonNullable<typeof counts>) {
  const undo = new Undo()
  undo.whenInterrupted()
  try {
    const results = await measure(undo, { sizes, rounds, processes })
    console.log(`${layOut([HEADING, ...results.map(rowOf)], 1)}\n`)
    const judged = results.flatMap(goals)
    for (const [ok, goal] of judged) console.log(verdictLine(ok, goal))
    return judged.every(([ok]) => ok) ? 0 : 1
  } finally {
    await undo.all()
  }
}

function rowOf({ connections, steps, ...measured }: Measured) {
  const { refusedP50Ms, refusedP99Ms, refusedMaxMs, confirmedMs, wholeMs, renewalMs } = measured
  const figures = [refusedP50Ms, refusedP99Ms, refusedMaxMs].map((ms) => ms.toFixed(1))
  return [String(connections), ...figures, confirmedMs.toFixed(0), wholeMs.toFixed(0), renewalMs.toFixed(2), steps]
}

function goals({ connections, refusedP99Ms, confirmedMs, wholeMs, proved }: Measured): [boolean, string][] {
  return [
    [refusedP99Ms < CONFIRMED_MS, `${connections}: refused, p99 below ${CONFIRMED_MS} ms`],
    [confirmedMs < CONFIRMED_MS, `${connections}: the last verifier has acknowledged below ${CONFIRMED_MS} ms`],
    [wholeMs < WHOLE_MS, `${connections}: whole procedure with evidence below ${WHOLE_MS} ms`],
    [proved, `${connections}: contained, every API proved, the evidence verifies`],
  ]
}
