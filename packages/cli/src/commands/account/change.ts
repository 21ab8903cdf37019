import type { Command } from 'commander'
import { type Account, changeAccount, disableAccount, findAccount } from '../../client/accounts.ts'
import type { ManagementClient } from '../../client/management.ts'
import { print, type Shell } from '../../shell.ts'
import { printable } from '../../terminal/printable.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { accountArgument } from '../words.ts'

const changes = [
  {
    name: 'disable',
    make: disableAccount,
    description: 'log a person out everywhere, and in no more until the account is enabled',
    done: 'is disabled: nobody logs in by it, and who was logged in is logged out.',
  },
  {
    name: 'enable',
    make: (client: ManagementClient, account: Account) => changeAccount(client, account, { status: 'active' }),
    description: 'let a person log in again',
    done: 'may log in again.',
  },
] as const

/** `rekey account disable | enable ACCOUNT`. */
export function changeCommands(shell: Shell): Command[] {
  return changes.map(({ name: change, make, description, done }) =>
    newCommand(change, description)
      .addArgument(accountArgument())
      .action(async (name: string, _options: object, command: Command) => {
        const client = managementOf(shell)
        const json = await make(client, await findAccount(client, name))
        print(shell, wantsJson(command), { json, text: `${printable(json.username)} ${done}` })
      }),
  )
}
