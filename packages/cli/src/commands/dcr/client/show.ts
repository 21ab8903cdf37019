import type { Command } from 'commander'
import { type ClientDetail, readClient } from '../../../client/registration/clients.ts'
import { print, type Shell } from '../../../shell.ts'
import { fromNow, span } from '../../../terminal/span.ts'
import { members, table } from '../../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../../command.ts'
import { clientArgument } from '../../words.ts'

/** `rekey dcr client show CLIENT`: what it registered, its keys, and its tokens. */
export function showCommand(shell: Shell): Command {
  return newCommand('show', 'show what a client registered, its keys and its registration access tokens')
    .addArgument(clientArgument())
    .action(async (id: string, _options: object, command: Command) => {
      const json = await readClient(managementOf(shell), id)
      print(shell, wantsJson(command), { json, text: clientText(json, shell.now()) })
    })
}

const notFetched = '  not fetched yet: they are when the client authenticates, or by "rekey dcr client jwks refresh"'

function clientText(client: ClientDetail, now: number): string {
  const said = (member: string) => [client.metadata[member] ?? []].flat().join(' ')
  const told = members({
    Client: client.client_id,
    Name: client.client_name,
    Profile: client.client_profile,
    Status: client.status,
    Organization: client.organization_id,
    'Authenticates by': said('token_endpoint_auth_method'),
    Grants: said('grant_types'),
    Scopes: client.scope,
    'Redirect URIs': said('redirect_uris'),
    'Keys at': said('jwks_uri'),
    'Keys read': client.keys_fetched_at && fromNow(client.keys_fetched_at, now),
    Registered: fromNow(client.registered_at, now),
    Changed: fromNow(client.changed_at, now),
  })
  return [told, `Keys\n${keysTable(client, now)}`, `Registration access tokens\n${tokensTable(client, now)}`].join(
    '\n\n',
  )
}

function keysTable({ keys, metadata, keys_fetched_at: fetchedAt }: ClientDetail, now: number): string {
  if (keys.length === 0) return metadata.jwks_uri === undefined || fetchedAt !== undefined ? '  none' : notFetched
  const age = (since: string | undefined) => (since === undefined ? '' : span(now - Date.parse(since)))
  const rows = keys.map(({ kid, alg, from, first_seen_at }) => [kid, alg ?? '', from, age(first_seen_at)])
  return table(['KID', 'ALGORITHM', 'FROM', 'AGE'], rows)
}

function tokensTable({ registration_access_tokens: tokens }: ClientDetail, now: number): string {
  if (tokens.length === 0) return '  none'
  const rows = tokens.map(({ state, issued_at, expires_at }) => [
    state,
    fromNow(issued_at, now),
    expires_at === undefined ? 'never' : fromNow(expires_at, now),
  ])
  return table(['STATE', 'ISSUED', 'EXPIRES'], rows)
}
