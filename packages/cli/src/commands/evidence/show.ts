import type { Command } from 'commander'
import { CliError } from '../../error.ts'
import { print, type Shell, tell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'
import { judge, readFileOf } from './file.ts'

/** `rekey evidence show FILE`: its report, to be read in a terminal. */
export function showCommand(shell: Shell): Command {
  return newCommand('show', 'print the report of evidence; with --json, all that it has')
    .argument('<file>', 'the archive')
    .action(async (file: string, _options: object, command: Command) => {
      const bytes = await readFileOf(file, shell)
      const { consistent, signer, fingerprint } = await judge(bytes, {}, shell)
      // Only of what holds is it known that no report was written by hand, and that no sequence in it steers the terminal.
      if (!consistent) {
        throw new CliError('FAILED', `the evidence does not hold: "rekey evidence verify" tells why`, { file })
      }
      tell(shell, `Sealed by ${fingerprint}${signer === 'known' ? '' : ', which is not known here'}.`)
      const { readEvidenceFile } = await import('@rekey/breakglass')
      const text = () => readEvidenceFile(bytes, 'report.md').trimEnd()
      if (wantsJson(command)) shell.stdout.write(readEvidenceFile(bytes, 'evidence.json'))
      else print(shell, false, { json: undefined, text: text() })
    })
}
