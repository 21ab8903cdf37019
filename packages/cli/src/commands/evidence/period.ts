import type { Coverage, EvidenceVerdict, PeriodEvidence } from '@rekey/breakglass'
import { type Command, InvalidArgumentError } from 'commander'
import { evidenceFiles } from '../../break-glass/evidence-file.ts'
import { CliError } from '../../error.ts'
import { evidenceKeyFile } from '../../estate/evidence-key.ts'
import { homeOf } from '../../estate/home.ts'
import { print, type Shell } from '../../shell.ts'
import { counted } from '../../terminal/counted.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { bffOption, newCommand, towards, wantsJson } from '../command.ts'
import { momentOrAgo, namePart } from '../words.ts'

interface PeriodOptions {
  from: string
  to?: string
  control: string
  out?: string
  prometheus?: string
  signedOffBy?: string
  bff?: string
}

/** `rekey evidence period`: what an auditor asks of a period, sealed. */
export function periodCommand(shell: Shell): Command {
  const moment = momentOrAgo(shell.now)
  return newCommand('period', 'seal every rotation of a period, what is overdue and the exceptions, for an auditor')
    .requiredOption('--from <time>', 'from then on: a time, or how long ago (90d)', moment)
    .option('--to <time>', 'before then; without it, until now', moment)
    .requiredOption('--control <control>', 'the control that it is for, for example CC9.2', namePart)
    .addOption(bffOption())
    .option('--prometheus <url>', 'put the history of what expires soon into it, from this Prometheus', httpUrl)
    .option('--signed-off-by <name>', 'who vouches for the period; it is recorded and signed', signatory)
    .option('--out <file>', 'a file that does not exist yet; without it, in the home')
    .action(async (options: PeriodOptions, command: Command) => {
      const sealed = await seal(options, { ...shell, ...towards(options.bff, shell) })
      print(shell, wantsJson(command), { json: sealed, text: text(sealed) })
      if (!sealed.consistent) throw new CliError('NOT_VERIFIED', `the evidence does not hold: ${sealed.problems[0]}`)
    })
}

interface Sealed extends Pick<EvidenceVerdict, 'consistent' | 'fingerprint' | 'problems' | 'proofs'> {
  file: string
  overdue: number
  /** How far the schedule was kept, in numbers. */
  coverage: Coverage['total'] | undefined
  /** What it does not have, as sentences. */
  missing: string[]
}

async function seal(options: PeriodOptions, shell: Shell): Promise<Sealed> {
  const { from, to: before, control, out, ...besides } = options
  const to = before ?? new Date(shell.now()).toISOString()
  if (from >= to) throw new CliError('WRONG_USE', '--from has to be before --to')
  const home = homeOf(shell.env, shell.folder)
  const keep = evidenceFiles(home, out, shell.folder, shell.now)
  const { ensureEvidenceKey, readEvidenceFile, sealPeriod, verifyEvidence } = await import('@rekey/breakglass')
  const { gather } = await import('./gather.ts')
  const key = ensureEvidenceKey(evidenceKeyFile(shell.env, home))
  const facts = await gather(shell, control, { from, to }, besides)
  const bytes = sealPeriod(facts, key)
  const file = await keep(control, bytes)
  // The instance that handed the proofs out need not be believed.
  const { consistent, fingerprint, problems, proofs } = verifyEvidence(bytes, { signer: key.fingerprint })
  const { coverage }: PeriodEvidence = JSON.parse(readEvidenceFile(bytes, 'evidence.json'))
  const { overdue, missing } = facts
  const verdict = { fingerprint, consistent, problems, proofs }
  return { file, ...verdict, overdue: overdue.length, missing, coverage: coverage?.total }
}

function text({ file, fingerprint, proofs, overdue, missing, coverage }: Sealed): string {
  return [
    `${counted(proofs.verified, 'event of the audit is', 'events of the audit are')} proven in ${file}, sealed by ${fingerprint}.`,
    overdue === 0 ? 'Nothing is overdue.' : `${counted(overdue, 'rotation is', 'rotations are')} overdue.`,
    ...(coverage ? coverageLines(coverage) : []),
    ...missing.map((sentence) => `It is not complete: ${sentence}.`),
    `Read it: rekey evidence show ${shellWord(file)}`,
  ].join('\n')
}

function coverageLines({ within, overdue, unmanaged, secrets, withinPercent }: Coverage['total']): string[] {
  const judged = within + overdue
  const [were, are] = [within === 1 ? 'was' : 'were', unmanaged === 1 ? 'is' : 'are']
  const share = `${within} of ${counted(judged, 'secret')} with an interval (${withinPercent} %)`
  return [
    withinPercent === null ? 'No secret has an interval.' : `${share} ${were} within it during the whole period.`,
    ...(unmanaged === 0
      ? []
      : [`${unmanaged} of ${counted(secrets, 'secret')} ${are} unmanaged: rekey inventory --unmanaged`]),
  ]
}

function httpUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text
  throw new InvalidArgumentError('It has to be the http or https URL of a Prometheus.')
}

function signatory(text: string): string {
  if (/^[^\p{Cc}]{1,200}$/u.test(text.trim())) return text.trim()
  throw new InvalidArgumentError('It has to be a name, of 1 to 200 characters.')
}
