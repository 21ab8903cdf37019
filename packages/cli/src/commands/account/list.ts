import type { Command } from 'commander'
import { type Account, listAccounts } from '../../client/accounts.ts'
import { print, type Shell } from '../../shell.ts'
import { span } from '../../terminal/span.ts'
import { table } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { limitOption, moreHint } from '../words.ts'

/** `rekey account list`. */
export function listCommand(shell: Shell): Command {
  return newCommand('list', 'show the accounts')
    .addOption(limitOption())
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const found = await listAccounts(managementOf(shell), limit)
      const text = [accountsTable(found.accounts, shell.now()), ...moreHint(found.nextCursor, limit)].join('\n')
      print(shell, wantsJson(command), { json: found, text })
    })
}

function accountsTable(accounts: readonly Account[], now: number): string {
  if (accounts.length === 0) return 'There is no account.'
  const rows = accounts.map(({ accountId, username, status, createdAt, passwordChangedAt }) => [
    accountId,
    username,
    status,
    span(now - Date.parse(createdAt)),
    span(now - Date.parse(passwordChangedAt)),
  ])
  return table(['ACCOUNT', 'USERNAME', 'STATUS', 'AGE', 'PASSWORD'], rows)
}
