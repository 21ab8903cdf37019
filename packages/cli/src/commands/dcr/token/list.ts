import type { Command } from 'commander'
import { type InitialAccessToken, listInitialAccessTokens } from '../../../client/registration/initial-access-tokens.ts'
import { print, type Shell } from '../../../shell.ts'
import { fromNow, span } from '../../../terminal/span.ts'
import { table } from '../../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../../command.ts'
import { limitOption, moreHint } from '../../words.ts'

/** `rekey dcr token list`. */
export function listCommand(shell: Shell): Command {
  return newCommand('list', 'show the initial access tokens, and how often each was used')
    .addOption(limitOption())
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const found = await listInitialAccessTokens(managementOf(shell), limit)
      const text = [tokensTable(found.initial_access_tokens, shell.now()), ...moreHint(found.nextCursor, limit)].join(
        '\n',
      )
      print(shell, wantsJson(command), { json: found, text })
    })
}

function tokensTable(tokens: readonly InitialAccessToken[], now: number): string {
  if (tokens.length === 0) return 'There is no initial access token.'
  const rows = tokens.map((token) => [
    token.id,
    token.label,
    stateOf(token, now),
    `${token.used} of ${token.max_usages}`,
    token.client_profile ?? 'any',
    token.client_id ?? 'any',
    span(now - Date.parse(token.created_at)),
    token.created_by,
  ])
  return table(['TOKEN', 'LABEL', 'STATE', 'USED', 'PROFILE', 'CLIENT', 'AGE', 'MADE BY'], rows)
}

function stateOf({ status, expires_at }: InitialAccessToken, now: number): string {
  return status === 'active' ? `expires ${fromNow(expires_at, now)}` : status
}
