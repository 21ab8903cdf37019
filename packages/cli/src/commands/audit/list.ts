import type { ListedEvent } from '@rekey/database/offline'
import { type Command, Option } from 'commander'
import { findAgent } from '../../client/agents.ts'
import { listEvents } from '../../client/audit.ts'
import { print, type Shell } from '../../shell.ts'
import { stamp } from '../../terminal/moment.ts'
import { shortIds } from '../../terminal/short-ids.ts'
import { table } from '../../terminal/table.ts'
import { chosen, type Instead, insteadOption, managementOf, newCommand, wantsJson } from '../command.ts'
import { defined, limitOption, momentOrAgo, moreHint } from '../words.ts'

interface ListOptions extends Instead {
  action?: string
  outcome?: string
  actor?: string
  agent?: string
  from?: string
  to?: string
  oldest?: boolean
  wide?: boolean
  limit: number
}

/** `rekey audit list`: the newest events first. */
export function listCommand(shell: Shell): Command {
  const moment = momentOrAgo(shell.now)
  return (
    newCommand('list', 'show events, the newest first')
      .option('--action <action>', 'only these, for example credential.rotated')
      .addOption(new Option('--outcome <outcome>', 'only these').choices(['success', 'refused', 'failed']))
      .option('--actor <id>', 'only what this client did')
      .option('--agent <agent>', 'only what happened to this agent')
      .option('--from <time>', 'from then on: a time, or how long ago (24h)', moment)
      .option('--to <time>', 'before then', moment)
      .option('--oldest', 'the oldest first')
      .option('--wide', 'whole ids and details, however long the lines become')
      .addOption(limitOption())
      // It knows no agents.
      .addOption(insteadOption().conflicts('agent'))
      .action(async (options: ListOptions, command: Command) => {
        const { agent, oldest, wide, limit, action, outcome, actor, from, to } = options
        const { of, around } = chosen(options.bff, shell)
        const client = managementOf(around, ...(agent === undefined ? [] : (['agents:read', 'audit:read'] as const)))
        const agentId = agent === undefined ? undefined : (await findAgent(client, agent)).agentId
        const order = oldest ? 'oldest' : undefined
        const filter = defined({ action, outcome, actor, agentId, from, to, order })
        const found = await listEvents(client, filter, limit, of)
        const terminal = wide ? undefined : (shell.columns ?? usualColumns)
        const text = [eventsTable(found.events, terminal), ...moreHint(found.nextCursor, limit)].join('\n')
        print(shell, wantsJson(command), { json: found, text })
      })
  )
}

const usualColumns = 100

/** Where lines have an end, ids are shortened to leave room for what happened. */
function eventsTable(events: readonly ListedEvent[], terminal: number | undefined): string {
  if (events.length === 0) return 'There is no such event.'
  const shown = terminal === undefined ? (text: string) => text : shortIds
  const rows = events.map((event) => [
    String(event.seq),
    shown(event.id),
    stamp(event.at),
    event.action,
    event.outcome,
    shown(event.actor),
    shown(detailsText(event)),
  ])
  return table(['SEQ', 'EVENT', 'AT', 'ACTION', 'OUTCOME', 'ACTOR', 'DETAILS'], rows, terminal)
}

function detailsText({ actor, agentId, details }: ListedEvent): string {
  const all = { ...(agentId === undefined || agentId === actor ? {} : { agent: agentId }), ...details }
  const parts = Object.entries(all).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return parts.join(' ')
}
