import { Command, CommanderError } from 'commander'
import { accountCommand } from './commands/account/group.ts'
import { agentCommand } from './commands/agent/group.ts'
import { auditCommand } from './commands/audit/group.ts'
import { backupCommand } from './commands/backup.ts'
import { bffCommand } from './commands/bff/group.ts'
import { breakGlassCommand } from './commands/break-glass/group.ts'
import { credentialCommand } from './commands/credential/group.ts'
import { dcrCommand } from './commands/dcr/group.ts'
import { discardCommand } from './commands/discard.ts'
import { escrowCommand } from './commands/escrow/group.ts'
import { evidenceCommand } from './commands/evidence/group.ts'
import { idpCommand } from './commands/idp.ts'
import { inventoryCommand } from './commands/inventory.ts'
import { issueWithCommand } from './commands/issue-with.ts'
import { loadCommand } from './commands/load.ts'
import { prepareCommand } from './commands/prepare.ts'
import { reencryptCommand } from './commands/reencrypt.ts'
import { restoreCommand } from './commands/restore.ts'
import { revokeCommand } from './commands/revoke.ts'
import { rollbackCommand } from './commands/rollback.ts'
import { rootKeyCommand } from './commands/root-key/group.ts'
import { rotateCommand } from './commands/rotate.ts'
import { statusCommand } from './commands/status.ts'
import { tokenCommand } from './commands/token.ts'
import { upCommand } from './commands/up.ts'
import { verifierCommand } from './commands/verifier.ts'
import { verifyCommand } from './commands/verify.ts'
import { webhookCommand } from './commands/webhook/group.ts'
import { CliError, type CliErrorCode, type ExitCode, errorDocument, exitCodeOf, messageOf } from './error.ts'
import { type Shell, tell } from './shell.ts'
import { version } from './software.ts'

const builders = [
  upCommand,
  statusCommand,
  inventoryCommand,
  verifyCommand,
  rotateCommand,
  prepareCommand,
  rollbackCommand,
  discardCommand,
  revokeCommand,
  breakGlassCommand,
  issueWithCommand,
  agentCommand,
  credentialCommand,
  dcrCommand,
  accountCommand,
  webhookCommand,
  auditCommand,
  evidenceCommand,
  verifierCommand,
  tokenCommand,
  loadCommand,
  rootKeyCommand,
  reencryptCommand,
  escrowCommand,
  backupCommand,
  restoreCommand,
  idpCommand,
  bffCommand,
]

/** Errors of commands whose document tells more. */
const printed: ReadonlySet<CliErrorCode> = new Set(['LOAD_FAILED', 'NOT_VERIFIED', 'NOT_CONTAINED'])

/**
 * Runs one command line.
 *
 * @param words what the person typed after `rekey`
 * @returns 0 done, 1 failed, 2 wrong use, 3 not reachable, 4 refused by policy or freeze
 */
export async function runCommand(words: readonly string[], shell: Shell): Promise<ExitCode> {
  const asJson = words.includes('--json')
  try {
    await buildProgram(shell, asJson).parseAsync([...words], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return wrongUse(error, shell, asJson)
    tell(shell, `rekey: ${messageOf(error)}`)
    const isPrinted = error instanceof CliError && printed.has(error.code)
    if (asJson && !isPrinted) shell.stdout.write(`${JSON.stringify(errorDocument(error), null, 2)}\n`)
    return exitCodeOf(error)
  }
}

function buildProgram(shell: Shell, asJson: boolean): Command {
  const program = new Command('rekey')
    .description('Rotates every credential of an OAuth 2.0 and OpenID Connect estate without a failed request.')
    .option('--json', 'print one JSON document on stdout, all else on stderr')
    .version(version, '-V, --version', 'print the version')
    .helpCommand(true)
    // What stands behind the name of a command is that command's, although one above it may have an option of that name.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong use, 3 not reachable, 4 refused by policy or freeze.',
    )
  for (const build of builders) program.addCommand(build(shell))
  const output = { writeOut: write(asJson ? shell.stderr : shell.stdout), writeErr: write(shell.stderr) }
  eachCommand(program, (command) => command.exitOverride().configureOutput(output).showHelpAfterError())
  return program
}

function write(stream: Shell['stdout']): (text: string) => void {
  return (text) => {
    stream.write(text)
  }
}

function eachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command)
  for (const child of command.commands) eachCommand(child, visit)
}

/** Commander has printed the reason and the help already. Asking for help, or for the version, is no error. */
function wrongUse(error: CommanderError, shell: Shell, asJson: boolean): ExitCode {
  const asked = error.exitCode === 0
  if (asJson && !asked) {
    const message = error.message.replace(/^error: /, '')
    shell.stdout.write(`${JSON.stringify({ code: 'WRONG_USE', message }, null, 2)}\n`)
  }
  return asked ? 0 : 2
}
