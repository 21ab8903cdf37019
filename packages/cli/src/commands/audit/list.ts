import { type Command, Option } from 'commander'
import { findAgent } from '../../client/agents.ts'
import { type EventView, listEvents } from '../../client/audit.ts'
import { print, type Shell } from '../../shell.ts'
import { stamp } from '../../terminal/moment.ts'
import { table } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { defined, limitOption, momentOrAgo, moreHint } from '../words.ts'

interface ListOptions {
  action?: string
  outcome?: string
  actor?: string
  agent?: string
  from?: string
  to?: string
  oldest?: boolean
  limit: number
}

/** `rekey audit list`: the newest events first. */
export function listCommand(shell: Shell): Command {
  const moment = momentOrAgo(shell.now)
  return newCommand('list', 'show events, the newest first')
    .option('--action <action>', 'only these, for example credential.rotated')
    .addOption(new Option('--outcome <outcome>', 'only these').choices(['success', 'refused', 'failed']))
    .option('--actor <id>', 'only what this client did')
    .option('--agent <agent>', 'only what happened to this agent')
    .option('--from <time>', 'from then on: a time, or how long ago (24h)', moment)
    .option('--to <time>', 'before then', moment)
    .option('--oldest', 'the oldest first')
    .addOption(limitOption())
    .action(async (options: ListOptions, command: Command) => {
      const client = managementOf(shell)
      const { agent, oldest, limit, action, outcome, actor, from, to } = options
      const agentId = agent === undefined ? undefined : (await findAgent(client, agent)).agentId
      const order = oldest ? 'oldest' : undefined
      const filter = defined({ action, outcome, actor, agentId, from, to, order })
      const found = await listEvents(client, filter, limit)
      const text = [eventsTable(found.events), ...moreHint(found.nextCursor, limit)].join('\n')
      print(shell, wantsJson(command), { json: found, text })
    })
}

function eventsTable(events: readonly EventView[]): string {
  if (events.length === 0) return 'There is no such event.'
  const rows = events.map((event) => [
    String(event.seq),
    event.id,
    stamp(event.at),
    event.action,
    event.outcome,
    event.actor,
    detailsText(event),
  ])
  return table(['SEQ', 'EVENT', 'AT', 'ACTION', 'OUTCOME', 'ACTOR', 'DETAILS'], rows)
}

/** Some words of them; --json has them all. */
function detailsText({ actor, agentId, details }: EventView): string {
  const all = { ...(agentId === undefined || agentId === actor ? {} : { agent: agentId }), ...details }
  const parts = Object.entries(all).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const text = parts.join(' ')
  return text.length <= shownOfDetails ? text : `${text.slice(0, shownOfDetails - 1)}…`
}

const shownOfDetails = 100
