import type { Command } from 'commander'
import { Instances } from '../client/instances.ts'
import { ManagementClient } from '../client/management.ts'
import { requestTokenOfAny } from '../client/token.ts'
import { CliError } from '../error.ts'
import { type Estate, idpsOf } from '../estate/document.ts'
import { findEstate } from '../estate/find.ts'
import { print, type Shell } from '../shell.ts'
import { table } from '../terminal/table.ts'
import type { Verification } from '../verify/check.ts'
import { bffOption, newCommand, towards, wantsJson } from './command.ts'

interface VerifyOptions {
  bff?: string
  sessionPath: string
  bearerPath: string
}

/** `rekey verify`: the checklist after a rotation. */
export function verifyCommand(shell: Shell): Command {
  return newCommand('verify', 'log in through the backend for frontend, call through it, and check its keys')
    .addOption(bffOption())
    .option('--session-path <path>', 'a route by session, for GET and POST', '/api/hello')
    .option('--bearer-path <path>', 'a route by bearer token', '/bearer/hello')
    .addHelpText(
      'after',
      '\nIt logs in as the estate’s user, or as REKEY_USERNAME with REKEY_PASSWORD. Exit 1: a check failed.',
    )
    .action(async (options: VerifyOptions, command: Command) => {
      const { env, folder } = towards(options.bff, shell)
      const seen = await verified(findEstate(env, folder), options, shell)
      print(shell, wantsJson(command), { json: seen, text: textOf(seen) })
      if (!seen.ok) throw new CliError('NOT_VERIFIED', failures(seen))
    })
}

async function verified(estate: Estate, paths: VerifyOptions, shell: Shell): Promise<Verification> {
  if (estate.bff === undefined) {
    throw new CliError(
      'WRONG_USE',
      'this estate does not say where its backend for frontend is: --bff URL, or REKEY_BFF',
    )
  }
  const { verify } = await import('../verify/run.ts')
  const { REKEY_USERNAME: username, REKEY_PASSWORD: password } = shell.env
  const { sessionPath, bearerPath } = paths
  const client = estate.agent ?? estate.admin
  const ask = () => requestTokenOfAny(shell.fetch, new Instances(idpsOf(estate)), client)
  return await verify({
    bff: new URL(estate.bff),
    idp: estate.idp,
    user: username && password ? { username, password } : estate.user,
    sessionPath,
    bearerPath,
    bearer: async () => (await ask()).access_token,
    management: new ManagementClient(estate, shell),
    fetch: shell.fetch,
  })
}

function textOf({ checks }: Verification): string {
  const rows = checks.map(({ name, ok, tried, detail }) => [ok ? '✓' : tried ? '✗' : '–', name, detail])
  return table(['', 'CHECK', ''], rows)
}

function failures({ checks }: Verification): string {
  const names = checks.filter(({ ok, tried }) => tried && !ok).map(({ name }) => name)
  return `not as it has to be: ${names.join(', ')}`
}
