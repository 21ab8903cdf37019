import type { Command } from 'commander'
import { type ClientEntry, listClients } from '../../../client/registration/clients.ts'
import { print, type Shell } from '../../../shell.ts'
import { span } from '../../../terminal/span.ts'
import { table } from '../../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../../command.ts'
import { limitOption, moreHint } from '../../words.ts'

/** `rekey dcr client list`. */
export function listCommand(shell: Shell): Command {
  return newCommand('list', 'show the registered clients')
    .addOption(limitOption())
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const found = await listClients(managementOf(shell), limit)
      const text = [clientsTable(found.clients, shell.now()), ...moreHint(found.nextCursor, limit)].join('\n')
      print(shell, wantsJson(command), { json: found, text })
    })
}

function clientsTable(clients: readonly ClientEntry[], now: number): string {
  if (clients.length === 0) return 'No client is registered.'
  const rows = clients.map((client) => [
    client.client_id,
    client.client_name ?? '',
    client.client_profile,
    client.token_endpoint_auth_method ?? '',
    client.status,
    client.kids.join(' '),
    span(now - Date.parse(client.registered_at)),
    `${span(now - Date.parse(client.changed_at))} ago`,
  ])
  return table(['CLIENT', 'NAME', 'PROFILE', 'AUTHENTICATES BY', 'STATUS', 'KEYS', 'AGE', 'CHANGED'], rows)
}
