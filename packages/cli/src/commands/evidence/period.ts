import type { EvidenceVerdict } from '@rekey/breakglass'
import type { Command } from 'commander'
import { evidenceFiles } from '../../break-glass/evidence-file.ts'
import { CliError } from '../../error.ts'
import { evidenceKeyFile } from '../../estate/evidence-key.ts'
import { homeOf } from '../../estate/home.ts'
import { print, type Shell } from '../../shell.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { newCommand, wantsJson } from '../command.ts'
import { momentOrAgo, namePart } from '../words.ts'

interface PeriodOptions {
  from: string
  to?: string
  control: string
  out?: string
}

/** `rekey evidence period`: what an auditor asks of a period, sealed. */
export function periodCommand(shell: Shell): Command {
  const moment = momentOrAgo(shell.now)
  return newCommand('period', 'seal every rotation of a period, what is overdue and the exceptions, for an auditor')
    .requiredOption('--from <time>', 'from then on: a time, or how long ago (90d)', moment)
    .option('--to <time>', 'before then; without it, until now', moment)
    .requiredOption('--control <control>', 'the control that it is for, for example CC9.2', namePart)
    .option('--out <file>', 'a file that does not exist yet; without it, in the home')
    .action(async (options: PeriodOptions, command: Command) => {
      const sealed = await seal(options, shell)
      print(shell, wantsJson(command), { json: sealed, text: text(sealed) })
      if (!sealed.consistent) throw new CliError('NOT_VERIFIED', `the evidence does not hold: ${sealed.problems[0]}`)
    })
}

interface Sealed extends Pick<EvidenceVerdict, 'consistent' | 'fingerprint' | 'problems' | 'proofs'> {
  file: string
  overdue: number
  /** What it does not have, as sentences. */
  missing: string[]
}

async function seal({ from, to: before, control, out }: PeriodOptions, shell: Shell): Promise<Sealed> {
  const to = before ?? new Date(shell.now()).toISOString()
  if (from >= to) throw new CliError('WRONG_USE', '--from has to be before --to')
  const home = homeOf(shell.env, shell.folder)
  const keep = evidenceFiles(home, out, shell.folder, shell.now)
  const { ensureEvidenceKey, sealPeriod, verifyEvidence } = await import('@rekey/breakglass')
  const { gather } = await import('./gather.ts')
  const key = ensureEvidenceKey(evidenceKeyFile(shell.env, home))
  const facts = await gather(shell, control, { from, to })
  const bytes = sealPeriod(facts, key)
  const file = await keep(control, bytes)
  // The instance that handed the proofs out need not be believed.
  const { consistent, fingerprint, problems, proofs } = verifyEvidence(bytes, { signer: key.fingerprint })
  return { file, fingerprint, consistent, problems, proofs, overdue: facts.overdue.length, missing: facts.missing }
}

function text({ file, fingerprint, proofs, overdue, missing }: Sealed): string {
  return [
    `${proofs.verified} events of the audit are proven in ${file}, sealed by ${fingerprint}.`,
    overdue === 0 ? 'Nothing is overdue.' : `${overdue} rotations are overdue.`,
    ...missing.map((sentence) => `It is not complete: ${sentence}.`),
    `Read it: rekey evidence show ${shellWord(file)}`,
  ].join('\n')
}
