import { type Command, Option } from 'commander'
import type { ExpiringCredential } from '../../client/credential.ts'
import { expiringCredentials } from '../../client/credentials.ts'
import { print, type Shell } from '../../shell.ts'
import { fromNow } from '../../terminal/span.ts'
import { table } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { defined, duration, limitOption, moreHint } from '../words.ts'

interface ExpiringOptions {
  limit: number
  within?: string
  environment?: string
}

/** `rekey credential expiring`: of all agents. */
export function expiringCommand(shell: Shell): Command {
  return newCommand('expiring', 'show the credentials of all agents that expire soon')
    .option(
      '--within <span>',
      'within this time, for example 30d (default: as the identity provider warns, 7d)',
      duration,
    )
    .addOption(
      new Option('--environment <environment>', 'only of such agents').choices([
        'production',
        'staging',
        'service_account',
      ]),
    )
    .addOption(limitOption())
    .action(async ({ limit, within, environment }: ExpiringOptions, command: Command) => {
      const found = await expiringCredentials(managementOf(shell), defined({ within, environment }), limit)
      const lines = [expiringTable(found.credentials, shell), ...moreHint(found.nextCursor, limit)]
      const text = [...lines, ...elsewhereHint(found.elsewhere?.total)].join('\n')
      print(shell, wantsJson(command), { json: found, text })
    })
}

function expiringTable(
  credentials: readonly ExpiringCredential[],
  { now, columns: terminal }: Pick<Shell, 'now' | 'columns'>,
): string {
  if (credentials.length === 0) return 'No credential expires soon.'
  const rows = credentials.map(({ credentialId, agentId, agentName, owner, kind, environment, expiresAt }) => [
    credentialId,
    agentName ?? agentId,
    fromNow(expiresAt, now()),
    environment,
    kind,
    owner ?? '',
  ])
  // Whole ids: they are asked for by the commands that come next.
  return table(['CREDENTIAL', 'AGENT', 'EXPIRES', 'ENVIRONMENT', 'KIND', 'OWNER'], rows, terminal)
}

function elsewhereHint(count = 0): string[] {
  return count === 0 ? [] : [`  and ${count} of other organizations, which are theirs to see and to rotate`]
}
