import type { Command } from 'commander'
import { type Account, findAccount } from '../../client/accounts.ts'
import { print, type Shell } from '../../shell.ts'
import { fromNow } from '../../terminal/span.ts'
import { members } from '../../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { accountArgument } from '../words.ts'

/** `rekey account show ACCOUNT`. */
export function showCommand(shell: Shell): Command {
  return newCommand('show', 'show an account')
    .addArgument(accountArgument())
    .action(async (name: string, _options: object, command: Command) => {
      const json = await findAccount(managementOf(shell), name)
      print(shell, wantsJson(command), { json, text: accountText(json, shell.now()) })
    })
}

function accountText(account: Account, now: number): string {
  return members({
    Account: account.accountId,
    Username: account.username,
    Status: account.status,
    Organization: account.organizationId,
    Name: account.name,
    'E-mail': account.email,
    Roles: account.roles.join(' '),
    Created: fromNow(account.createdAt, now),
    Password: `set ${fromNow(account.passwordChangedAt, now)}`,
  })
}
