import type { Command } from 'commander'
import { requestIssuance } from '../client/issuance.ts'
import { activeOf, type KeyringView } from '../client/keyring.ts'
import { readKeyring } from '../client/keyrings.ts'
import { follow } from '../rotation/follow.ts'
import { moveTo } from '../rotation/move.ts'
import { print, type Shell } from '../shell.ts'
import { withProgress } from '../terminal/progress.ts'
import { managementOf, newCommand, wantsJson } from './command.ts'

interface IssueWithOptions {
  force?: boolean
  reason?: string
}

/** `rekey issue-with KEYRING`: moves the signing of access tokens to another keyring, and with it to another algorithm. */
export function issueWithCommand(shell: Shell): Command {
  return newCommand(
    'issue-with',
    'sign access tokens by another keyring, as soon as every verifier allows its algorithm',
  )
    .argument('<keyring>', 'name of the keyring, for example signing-rs256; the one in use withdraws a move that waits')
    .option('--force', 'do not wait for verifiers, not even for those that do not allow the algorithm (they may fail)')
    .option('--reason <text>', 'why, for the audit trail')
    .action(async (name: string, { force, reason }: IssueWithOptions, command: Command) => {
      const client = managementOf(shell, 'keyrings:read', 'keyrings:write')
      await requestIssuance(client, name, { ...(force ? { force } : {}), ...(reason === undefined ? {} : { reason }) })
      await withProgress(shell, wantsJson(command), (progress) =>
        follow(moveTo(client, name), progress, shell, shell.interruption()),
      )
      const keyring = await readKeyring(client, name)
      print(shell, wantsJson(command), { json: keyring, text: summary(keyring) })
    })
}

function summary(keyring: KeyringView): string {
  const algorithm = keyring.algorithm ? ` (${keyring.algorithm})` : ''
  return `Access tokens are signed by ${keyring.name}${algorithm}: ${activeOf(keyring)?.id ?? 'no version'} is active.`
}
