import type { Command } from 'commander'
import { createAccount } from '../../client/accounts.ts'
import { readPassword } from '../../given-password.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { defined, repeated } from '../words.ts'
import { passwordOption, passwordText } from './password.ts'

interface CreateOptions {
  passwordStdin?: boolean
  name?: string
  email?: string
  role?: string[]
}

/** `rekey account create USERNAME`. */
export function createCommand(shell: Shell): Command {
  return newCommand('create', 'make an account, and print the password that was made for it, once')
    .argument('<username>', 'what the person logs in by')
    .addOption(passwordOption())
    .option('--name <text>', 'how the person is called')
    .option('--email <address>', 'where the person is reached')
    .option('--role <role>', 'what the person may do; may be given several times', repeated)
    .action(async (username: string, options: CreateOptions, command: Command) => {
      const password = options.passwordStdin ? await readPassword(shell) : undefined
      const { name, email, role: roles } = options
      const json = await createAccount(managementOf(shell), { username, ...defined({ password, name, email, roles }) })
      print(shell, wantsJson(command), { json, text: passwordText(json) })
    })
}
