/**
 * `npm run bench:revoke`: how long after the commit of a revocation every verifier refuses the key, for 10, 100 and 1,000
 * verifiers on the feed of one IdP, beside a bare broadcast of server-sent events to as many connections. At the end the
 * IdP is killed and started again, and all verifiers come back at once. Exits with 1 when a goal is missed.
 */
import { readCounts } from '../estate/counts.ts'
import { Undo } from '../estate/undo.ts'
import { verdicts } from './goals.ts'
import { measure } from './measure.ts'
import { table } from './report.ts'

const USAGE = `usage: npm run bench:revoke [-- --sizes=10,100,1000 --rounds=7 --processes=4]
  --sizes      numbers of verifiers, each measured for itself
  --rounds     revocations of each kind at each size
  --processes  over which the verifiers are spread`

const counts = readCounts({ sizes: '10,100,1000', rounds: '7', processes: '4' }, USAGE)
process.exitCode = counts === undefined ? 2 : await main(counts)

async function main({ sizes, rounds: [rounds], processes: [processes] }: NonNullable<typeof counts>) {
  const undo = new Undo()
  undo.whenInterrupted()
  try {
    const results = await measure(undo, { sizes, rounds, processes })
    console.log(`${table(results)}\n`)
    const judged = verdicts(results)
    for (const { line } of judged) console.log(line)
    return judged.every(({ ok }) => ok) ? 0 : 1
  } finally {
    await undo.all()
  }
}
