import { type Command, Option } from 'commander'
import type { Ending, EndingCredential } from '../../client/credential.ts'
import { expiredCredentials, expiringCredentials } from '../../client/credentials.ts'
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
  return newCommand(
    'expiring',
    'show the credentials of all agents that expire soon, and those that did and are missed',
  )
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
      const client = managementOf(shell)
      const found = await expiringCredentials(client, defined({ within, environment }), limit)
      const expired = await expiredCredentials(client, defined({ environment }), limit)
      const soon = found.credentials.length === 0 ? ['No credential expires soon.'] : linesOf(found, limit, shell)
      const text = [...expiredSection(expired, limit, shell), ...soon, ...elsewhereHint(found)].join('\n')
      print(shell, wantsJson(command), { json: { ...found, expired }, text })
    })
}

type Found = Ending<EndingCredential> & { nextCursor: string | null }
type Terminal = Pick<Shell, 'now' | 'columns'>

/** What is broken already comes first. */
function expiredSection(expired: Found, limit: number, shell: Terminal): string[] {
  const lines = [...(expired.credentials.length === 0 ? [] : linesOf(expired, limit, shell)), ...elsewhereHint(expired)]
  return lines.length === 0
    ? []
    : ['Expired within the last 7 days, and their agents have none that works:', ...lines, '']
}

function linesOf({ credentials, nextCursor }: Found, limit: number, { now, columns: terminal }: Terminal): string[] {
  const rows = credentials.map(({ credentialId, agentId, agentName, owner, kind, environment, expiresAt }) => [
    credentialId,
    agentName ?? agentId,
    fromNow(expiresAt, now()),
    environment,
    kind,
    owner ?? '',
  ])
  // Whole ids: they are asked for by the commands that come next.
  const heading = ['CREDENTIAL', 'AGENT', 'EXPIRES', 'ENVIRONMENT', 'KIND', 'OWNER']
  return [table(heading, rows, terminal), ...moreHint(nextCursor, limit)]
}

function elsewhereHint({ elsewhere }: Found): string[] {
  const { total } = elsewhere ?? { total: 0 }
  return total === 0 ? [] : [`  and ${total} of other organizations, which are theirs to see and to rotate`]
}
