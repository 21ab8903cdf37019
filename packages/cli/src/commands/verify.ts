import type { Command } from 'commander'
import { Instances } from '../client/instances.ts'
import { ManagementClient } from '../client/management.ts'
import { requestTokenOfAny } from '../client/token.ts'
import { CliError } from '../error.ts'
import { type Estate, idpsOf, type User } from '../estate/document.ts'
import { findEstate } from '../estate/find.ts'
import { print, type Shell } from '../shell.ts'
import { table } from '../terminal/table.ts'
import type { Verification } from '../verify/check.ts'
import { bffOption, newCommand, towards, wantsJson } from './command.ts'

const replyWithinMs = 10_000

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
    .option('--bearer-path <path>', 'a route by bearer token, or "off"', '/bearer/hello')
    .addHelpText(
      'after',
      [
        '',
        'It logs in as the estate’s user, by REKEY_PASSWORD where only that is set, or as REKEY_USERNAME with',
        'REKEY_PASSWORD. Exit 1: a check failed.',
      ].join('\n'),
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
  const user = userFor(shell.env, estate)
  const { sessionPath, bearerPath } = paths
  const client = estate.agent ?? estate.admin
  const ask = () => requestTokenOfAny(shell.fetch, new Instances(idpsOf(estate)), client)
  return await verify({
    bff: new URL(estate.bff),
    idp: estate.idp,
    user,
    sessionPath,
    bearerPath,
    bearer: async () => (await ask()).access_token,
    management: new ManagementClient(estate, shell),
    fetch: shell.fetch,
    replyWithinMs,
  })
}

/** @throws CliError `WRONG_USE` where half of what is needed is said: what was verified would be somebody else's login */
function userFor({ REKEY_USERNAME, REKEY_PASSWORD: password }: Shell['env'], { user }: Estate): User | undefined {
  const username = REKEY_USERNAME || (password ? user?.username : undefined)
  if (username && password) return { username, password }
  if (username) throw new CliError('WRONG_USE', 'REKEY_USERNAME is set, and REKEY_PASSWORD is not: both are needed')
  if (password) {
    throw new CliError('WRONG_USE', 'REKEY_PASSWORD is set, and REKEY_USERNAME is not: this estate names no user')
  }
  return user
}

function textOf({ checks }: Verification): string {
  const rows = checks.map(({ name, ok, tried, detail }) => [ok ? '✓' : tried ? '✗' : '–', name, detail])
  return table(['', 'CHECK', ''], rows)
}

function failures({ checks }: Verification): string {
  const names = checks.filter(({ ok, tried }) => tried && !ok).map(({ name }) => name)
  return `not as it has to be: ${names.join(', ')}`
}
