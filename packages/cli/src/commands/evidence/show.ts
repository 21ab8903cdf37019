import type { Command } from 'commander'
import { CliError } from '../../error.ts'
import { readGiven } from '../../given-file.ts'
import { print, type Shell, tell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'
import { judge } from './file.ts'

/**
 * `rekey evidence show FILE`: its report, to be read in a terminal. It is made anew of what was recorded: the report that is stored
 * may be one that this release cannot compare with that, in which anybody who has a key of his own may have put anything.
 */
export function showCommand(shell: Shell): Command {
  return newCommand('show', 'print the report of evidence; with --json, all that it has')
    .argument('<file>', 'the archive')
    .action(async (file: string, _options: object, command: Command) => {
      const bytes = readGiven(file, shell)
      const { consistent, signer, fingerprint, reports, unknownFormat, problems } = await judge(bytes, {}, shell)
      if (!consistent) {
        const unheld = 'the evidence does not hold: "rekey evidence verify" tells why'
        throw new CliError('FAILED', unknownFormat === undefined ? unheld : `${problems[0]}`, { file })
      }
      tell(shell, `Sealed by ${fingerprint}${signer === 'known' ? '' : ', which is not known here'}.`)
      const { evidenceReport, readEvidenceFile } = await import('@rekey/breakglass')
      if (wantsJson(command)) return void shell.stdout.write(readEvidenceFile(bytes, 'evidence.json'))
      if (reports !== 'compared') tell(shell, 'The report within it is of another release: this one is made anew.')
      print(shell, false, { json: undefined, text: evidenceReport(bytes).trimEnd() })
    })
}
