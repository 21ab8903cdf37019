import type { Command } from 'commander'
import type { OverdueCredential } from '../../client/credential.ts'
import { overdueCredentials } from '../../client/credentials.ts'
import { print, type Shell } from '../../shell.ts'
import { span } from '../../terminal/span.ts'
import { table } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { limitOption, moreHint } from '../words.ts'

/** `rekey credential overdue`: of all agents. */
export function overdueCommand(shell: Shell): Command {
  return newCommand('overdue', 'show the credentials of all agents whose rotation is overdue')
    .addOption(limitOption())
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const found = await overdueCredentials(managementOf(shell), limit)
      const text = [overdueTable(found.credentials, shell.now()), ...moreHint(found.nextCursor, limit)].join('\n')
      print(shell, wantsJson(command), { json: found, text })
    })
}

function overdueTable(credentials: readonly OverdueCredential[], now: number): string {
  if (credentials.length === 0) return 'No credential is overdue.'
  const rows = credentials.map(({ credentialId, agentId, agentName, kind, rotatedAt, overdueSince }) => [
    credentialId,
    agentName ?? agentId,
    kind,
    span(now - Date.parse(rotatedAt)),
    span(now - Date.parse(overdueSince)),
  ])
  return table(['CREDENTIAL', 'AGENT', 'KIND', 'AGE', 'OVERDUE FOR'], rows)
}
