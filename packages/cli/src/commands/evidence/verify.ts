import type { EvidenceVerdict, Known } from '@rekey/breakglass'
import { type Command, Option } from 'commander'
import { CliError } from '../../error.ts'
import { readGiven } from '../../given-file.ts'
import { print, type Shell } from '../../shell.ts'
import { counted } from '../../terminal/counted.ts'
import { printable } from '../../terminal/printable.ts'
import { members } from '../../terminal/table.ts'
import { newCommand, wantsJson } from '../command.ts'
import { fingerprint } from '../words.ts'
import { judge } from './file.ts'

/** `rekey evidence verify FILE`: on a machine that has nothing but the file. */
export function verifyCommand(shell: Shell): Command {
  return newCommand('verify', 'check evidence, without an estate and without a network; exit 1 if it does not hold')
    .argument('<file>', 'the archive')
    .addOption(new Option('--signer <fingerprint>', 'the key that it has to be sealed by').argParser(fingerprint))
    .addOption(
      new Option('--audit-signer <fingerprint>', 'the key that the audit’s checkpoints have to be signed by').argParser(
        fingerprint,
      ),
    )
    .addHelpText('after', '\nWithout --signer it is told who sealed it: compare that with what you know.')
    .action(async (file: string, known: Known, command: Command) => {
      const verdict = await judge(readGiven(file, shell), known, shell)
      print(shell, wantsJson(command), { json: verdict, text: verdictText(verdict) })
      if (!verdict.consistent) throw new CliError('NOT_VERIFIED', unheld(verdict))
      if (known.signer !== undefined && verdict.signer !== 'known') {
        throw new CliError('NOT_VERIFIED', 'the evidence is sealed by another key')
      }
    })
}

const shownProblems = 10

function verdictText(verdict: EvidenceVerdict): string {
  const { signer, fingerprint, kind, name, sealedAt, reports, proofs, problems } = verdict
  const told = members({
    About: name && `${kind === 'incident' ? 'incident ' : ''}${name}`,
    Sealed: sealedAt,
    Signer:
      fingerprint &&
      `${fingerprint}   ${signer === 'known' ? '(known)' : '(NOT known: compare it with what you wrote down)'}`,
    Reports: reports && reportsTexts[reports],
    Proofs: kind && proofText(proofs),
    Audit: proofs.signers.join(', '),
  })
  return [headlineOf(verdict), told, problemText(problems)].filter((part) => part !== '').join('\n\n')
}

function headlineOf({ consistent, unknownFormat }: EvidenceVerdict): string {
  if (consistent) return 'The evidence holds: it is what was sealed, and it fits together.'
  return unknownFormat === undefined
    ? 'The evidence does NOT hold.'
    : 'This release cannot tell whether the evidence holds.'
}

const unheld = ({ unknownFormat }: EvidenceVerdict) =>
  unknownFormat === undefined ? 'the evidence does not hold' : 'this release cannot tell whether the evidence holds'

const reportsTexts = {
  compared: 'they say what was recorded',
  'of another release': 'of another release: NOT compared with what was recorded; "rekey evidence show" makes one anew',
} as const

function problemText(problems: readonly string[]): string {
  if (problems.length === 0) return ''
  const shown = problems.slice(0, shownProblems).map((problem) => `  ! ${printable(problem)}`)
  const more = problems.length - shown.length
  return ['Problems', ...shown, ...(more > 0 ? [`  and ${more} more; --json tells them all`] : [])].join('\n')
}

function proofText({ verified, waiting }: EvidenceVerdict['proofs']): string {
  const proven = `${counted(verified, 'event of the audit is', 'events of the audit are')} proven`
  return waiting === 0 ? proven : `${proven}, ${counted(waiting, 'was', 'were')} not in the chain yet`
}
