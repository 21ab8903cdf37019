import { managementScopes } from '@rekey/idp/scopes'
import type { Command } from 'commander'
import { Instances } from '../client/instances.ts'
import { requestTokenOfAny } from '../client/token.ts'
import { type Credential, type Estate, idpsOf } from '../estate/document.ts'
import { findEstate } from '../estate/find.ts'
import { print, type Shell } from '../shell.ts'
import { newCommand, wantsJson } from './command.ts'

/** `rekey token`: an access token of the estate's agent, or of its administrator for management scopes. */
export function tokenCommand(shell: Shell): Command {
  return newCommand('token', "print an access token of the estate's agent")
    .option('--scope <scope>', 'scopes to ask for; with management scopes (or "management") the administrator asks')
    .action(async (options: { scope?: string }, command: Command) => {
      const estate = findEstate(shell.env, shell.folder)
      const client = clientFor(estate, options.scope)
      const reply = await requestTokenOfAny(shell.fetch, new Instances(idpsOf(estate)), client, options.scope)
      print(shell, wantsJson(command), { json: reply, text: reply.access_token })
    })
}

function clientFor(estate: Estate, scope = ''): Credential {
  const management = new Set(['management', ...managementScopes])
  const asksForManagement = scope.split(' ').some((name) => management.has(name))
  return asksForManagement ? estate.admin : (estate.agent ?? estate.admin)
}
