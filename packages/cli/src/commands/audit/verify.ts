import type { Problem, Verdict } from '@rekey/database/offline'
import type { Command } from 'commander'
import { verifyChain } from '../../client/audit.ts'
import { CliError } from '../../error.ts'
import { print, type Shell } from '../../shell.ts'
import { chosen, type Instead, insteadOption, managementOf, newCommand, wantsJson } from '../command.ts'
import { signerOption } from '../words.ts'
import { type Known, verifyFile } from './offline.ts'
import { verdictText } from './verdict.ts'

/** `rekey audit verify [FILE]`: the running estate's chain, or an export on a machine that has nothing but the file. */
export function verifyCommand(shell: Shell): Command {
  return newCommand('verify', 'check that no event is missing, changed or out of order; exit 1 if one is')
    .argument('[file]', 'an export, checked without an estate and without a database')
    .addOption(signerOption())
    .option('--checkpoints <file>', 'with FILE: checkpoints that were kept elsewhere, and must fit it')
    .option('--against <file>', 'with FILE: another export, of which neither may contradict the other')
    .addOption(insteadOption())
    .addHelpText('after', '\nWithout --signer it is told who signed: compare that with what you know.')
    .action(async (file: string | undefined, { bff, ...known }: Known & Instead, command: Command) => {
      if (file !== undefined && bff !== undefined) {
        throw new CliError('WRONG_USE', '--bff is for a running estate: an export is verified without one')
      }
      const verdict =
        file === undefined ? await verifyEstate(shell, known, bff) : await verifyFile(file, known, shell.folder)
      print(shell, wantsJson(command), { json: verdict, text: verdictText(verdict, known.signer) })
      if (!verdict.verified) throw new CliError('NOT_VERIFIED', 'the audit is not verified')
    })
}

async function verifyEstate(
  shell: Shell,
  { signer, checkpoints, against }: Known,
  bff: Instead['bff'],
): Promise<Verdict> {
  if (checkpoints !== undefined || against !== undefined) {
    throw new CliError('WRONG_USE', '--checkpoints and --against compare an export: say its FILE')
  }
  const { of, around } = chosen(bff, shell)
  const verdict = await verifyChain(managementOf(around), of)
  if (signer === undefined || verdict.signer === signer) return verdict
  const problem: Problem = {
    code: 'checkpoint-foreign',
    message: 'the checkpoints are signed by another key than the one you named',
  }
  return { ...verdict, verified: false, problems: [...verdict.problems, problem] }
}
