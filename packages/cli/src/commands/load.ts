import { type Command, InvalidArgumentError } from 'commander'
import { Instances } from '../client/instances.ts'
import { requestTokenOfAny } from '../client/token.ts'
import { monotonicClock } from '../clock.ts'
import { CliError } from '../error.ts'
import { idpsOf } from '../estate/document.ts'
import { findEstate } from '../estate/find.ts'
import { Load } from '../load/run.ts'
import { atRate } from '../load/schedule.ts'
import type { Summary } from '../load/tally.ts'
import { print, type Shell, tell } from '../shell.ts'
import { newCommand, positiveNumber, wantsJson } from './command.ts'

interface LoadOptions {
  rate: number
  seconds: number
}

const highestRate = 20_000

/** `rekey load`: an estate's day in half a minute; every failed request is counted by its cause. */
export function loadCommand(shell: Shell): Command {
  return newCommand('load', 'send token and API requests at a fixed rate and count failures by cause')
    .option('--rate <number>', 'requests per second', rate, 500)
    .option('--seconds <number>', 'how long (Ctrl-C ends it earlier)', positiveNumber, 30)
    .action(async (options: LoadOptions, command: Command) => {
      const summary = await runLoad(options, shell)
      print(shell, wantsJson(command), { json: summary, text: summaryText(summary) })
      const failed = Object.values(summary.failures).reduce((sum, count) => sum + count, 0)
      if (failed > 0) throw new CliError('LOAD_FAILED', `${failed} of ${summary.requests} requests failed`)
    })
}

async function runLoad({ rate, seconds }: LoadOptions, shell: Shell): Promise<Summary> {
  const estate = findEstate(shell.env, shell.folder)
  const agent = estate.agent ?? estate.admin
  // A load against nobody, or with a wrong secret, is no measurement: say so at once.
  const idps = idpsOf(estate)
  await requestTokenOfAny(shell.fetch, new Instances(idps), agent)
  const interrupted = shell.interruption()
  const { apis } = estate
  const load = new Load({ idps, apis, agent, now: shell.now, monotonic: monotonicClock, random: Math.random })
  let second = 0
  const ticker = setInterval(() => {
    second += 1
    tell(shell, load.tally.line(second, load.kid))
  }, 1000)
  try {
    await atRate(rate, seconds * 1000, () => load.fire(), monotonicClock, interrupted)
    await load.settle()
  } finally {
    clearInterval(ticker)
  }
  return load.tally.summary
}

function rate(text: string): number {
  const value = positiveNumber(text)
  if (value > highestRate) throw new InvalidArgumentError(`At most ${highestRate} requests per second.`)
  return value
}

function summaryText(summary: Summary): string {
  const causes = Object.entries(summary.failures).map(([cause, count]) => `  ${count} × ${cause}`)
  const revoked =
    summary.revokedRefusals > 0 ? [`${summary.revokedRefusals} refusals of tokens whose key was revoked`] : []
  const retried =
    summary.retries > 0 ? [`${summary.retries} token requests were taken to another instance of the IdP`] : []
  const failed = causes.length === 0 ? ['no failures'] : ['failures:', ...causes]
  const head = `${summary.requests} requests, p50 ${summary.p50Ms} ms, p99 ${summary.p99Ms} ms, ${summary.kids.length} signing keys`
  return [head, ...retried, ...revoked, ...failed].join('\n')
}
