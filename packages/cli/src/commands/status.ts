import type { Command } from 'commander'
import { listKeyrings, listVerifiers } from '../client/keyrings.ts'
import { print, type Shell } from '../shell.ts'
import { attention } from '../status/attention.ts'
import { report } from '../status/report.ts'
import { managementOf, newCommand, wantsJson } from './command.ts'

/** `rekey status`: every keyring and verifier, and what a person should look at. */
export function statusCommand(shell: Shell): Command {
  return newCommand('status', 'show keyrings, verifiers and what needs attention').action(async (_options, command) => {
    const client = managementOf(shell)
    const keyrings = await listKeyrings(client)
    const verifiers = await listVerifiers(client)
    const now = shell.now()
    const status = { keyrings, verifiers, attention: attention(keyrings, verifiers, now) }
    print(shell, wantsJson(command), { json: status, text: report(status, now) })
  })
}
