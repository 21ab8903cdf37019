/**
 * `npm run bench:audit`: how many events ten writers append a second while an instance gives them their places in the
 * chain, beside the very same INSERTs into a table that nothing chains (the ceiling); then how many events of an export
 * one core verifies a second. Rounds are interleaved, since only ratios of figures taken at the same time mean anything.
 * A round of the chain ends when its last event has its place. Exits with 1 when a bar is missed.
 */
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'
import { compare } from '../token/report.ts'
import { appendRounds, CEILING, CHAINED } from './append.ts'
import { startAudit } from './estate.ts'
import { verifyRounds } from './verify.ts'

const BARS = { append: 0.5, verifiedPerSecond: 300_000 }

const undo = new Undo()
undo.whenInterrupted()
process.exitCode = (await main().finally(() => undo.all())) ? 0 : 1

async function main(): Promise<boolean> {
  const audit = await startAudit(undo)
  const rounds = await appendRounds(audit)
  const ratio = compare(rounds[CHAINED], rounds[CEILING])
  const perSecond = await verifyRounds(audit)
  const span = `rounds from ${ratio.lowest.toFixed(2)} to ${ratio.highest.toFixed(2)}`
  return [
    say(ratio.median >= BARS.append, `${ratio.median.toFixed(2)} × ${CEILING} (at least ${BARS.append}; ${span})`),
    say(
      perSecond >= BARS.verifiedPerSecond,
      `${Math.round(perSecond).toLocaleString('en')} events of an export verified in a second of one core ` +
        `(at least ${BARS.verifiedPerSecond.toLocaleString('en')})`,
    ),
  ].every(Boolean)
}

function say(ok: boolean, what: string): boolean {
  console.log(verdictLine(ok, what))
  return ok
}
