import type { Command } from 'commander'
import { changeAccount, findAccount } from '../../client/accounts.ts'
import { homeOf } from '../../estate/home.ts'
import { rememberPassword } from '../../estate/own-clients.ts'
import { generatedPassword, readPassword } from '../../given-password.ts'
import { print, type Shell, tell } from '../../shell.ts'
import { printable } from '../../terminal/printable.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { accountArgument } from '../words.ts'
import { passwordOption } from './password.ts'

/** `rekey account set-password ACCOUNT`. */
export function setPasswordCommand(shell: Shell): Command {
  return newCommand(
    'set-password',
    'give an account another password; whoever is logged in by the old one is logged out',
  )
    .addArgument(accountArgument())
    .addOption(passwordOption())
    .action(async (name: string, { passwordStdin }: { passwordStdin?: boolean }, command: Command) => {
      const password = passwordStdin ? await readPassword(shell) : generatedPassword()
      const client = managementOf(shell)
      const account = await changeAccount(client, await findAccount(client, name), { password })
      const json = passwordStdin ? account : { ...account, password }
      const done = `${printable(account.username)} has another password: who was logged in by the old one is logged out.`
      // First of all: it is the only copy.
      print(shell, wantsJson(command), { json, text: passwordStdin ? done : password })
      if (!passwordStdin) tell(shell, `${done} It is shown only now.`)
      if (!rememberPassword(homeOf(shell.env, shell.folder), { username: account.username, password })) return
      tell(shell, 'It is the user of this estate, whose home has the new password now.')
    })
}
