import { once } from 'node:events'
import { styleText } from 'node:util'
import { type Command, InvalidArgumentError } from 'commander'
import { monotonicClock } from '../clock.ts'
import { type Estate, idpsOf } from '../estate/document.ts'
import { type Home, homeOf } from '../estate/home.ts'
import { mostIdps, portsOf } from '../estate/ports.ts'
import { print, type Shell, tell } from '../shell.ts'
import { newCommand, wantsJson } from './command.ts'

interface UpOptions {
  idps: number
}

/** `rekey up`: runs the whole estate on this machine until it is told to stop. */
export function upCommand(shell: Shell): Command {
  return newCommand('up', 'run the whole estate on this machine: PostgreSQL, IdP and two APIs (Ctrl-C stops it)')
    .option('--idps <number>', `how many instances of the IdP (1 to ${mostIdps}), all of them one issuer`, idpCount, 1)
    .addHelpText(
      'after',
      [
        '',
        'REKEY_HOME (.rekey) keeps its data; REKEY_PORT_BASE n (8000) places IdP n+2 (and n+3 … with --idps), PostgreSQL n+54,',
        'APIs n+81 and n+82.',
        'DATABASE_URL uses a PostgreSQL of yours instead (with DATABASE_OWNER_URL, if another role owns the tables, and',
        'DATABASE_DIRECT_URL, if DATABASE_URL leads through a pooler). REKEY_ALGORITHMS (ES256,RS256) is what the APIs allow.',
      ].join('\n'),
    )
    .action(async (options: UpOptions, command: Command) => runUntilInterrupted(options, shell, wantsJson(command)))
}

function idpCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= mostIdps) return count
  throw new InvalidArgumentError(`It has to be a whole number from 1 to ${mostIdps}.`)
}

async function runUntilInterrupted({ idps }: UpOptions, shell: Shell, asJson: boolean): Promise<void> {
  const interrupted = shell.interruption()
  const home = homeOf(shell.env, shell.folder)
  const started = await start(home, idps, interrupted, shell)
  if (!started) return
  const { run, estate } = started
  // Only the addresses: credentials stand in the estate's file and nowhere on a screen.
  const json = { idp: estate.idp, idps: idpsOf(estate), apis: estate.apis, home: home.folder }
  print(shell, asJson, { json, text: announcement(estate, home.folder) })
  if (!interrupted.aborted) await once(interrupted, 'abort')
  tell(shell, 'Stopping …')
  await run.stop()
  tell(shell, 'Everything is stopped.')
}

/** Undefined when it was interrupted: then what had been started is stopped, and that is what was asked for. */
async function start(home: Home, idps: number, interrupted: AbortSignal, shell: Shell) {
  const options = {
    home,
    ports: portsOf(shell.env, idps),
    env: shell.env,
    pid: process.pid,
    fetch: shell.fetch,
    monotonic: monotonicClock,
    tell: (line: string) => tell(shell, line),
  }
  // Loaded here alone: it brings the database and the IdP, and would double the time that every other command takes.
  const { RunningEstate } = await import('../estate/estate.ts')
  tell(shell, `Starting PostgreSQL, ${idps === 1 ? 'the IdP' : `${idps} instances of the IdP`} and two APIs …`)
  try {
    return await RunningEstate.start(options, interrupted)
  } catch (error) {
    if (interrupted.aborted) return undefined
    throw error
  }
}

function announcement(estate: Estate, home: string): string {
  // Without its password.
  const database = estate.database ? new URL(estate.database).host : ''
  const bold = (text: string) => styleText('bold', text)
  return [
    '',
    bold('Rekey is ready.'),
    '',
    `  IdP         ${idpsOf(estate).join('  ')}`,
    `  APIs        ${estate.apis.join('  ')}`,
    `  PostgreSQL  ${database}`,
    ...(estate.user ? [`  User        ${estate.user.username} (its password is in ${home}/estate.json)`] : []),
    `  Home        ${home} (logs in ${home}/logs)`,
    '',
    bold('Try next, in another terminal:'),
    '',
    '  npx rekey status',
    '  npx rekey load --rate 500 --seconds 60',
    '  npx rekey rotate signing-es256 --watch',
    `  curl -H "Authorization: Bearer $(npx rekey token)" ${estate.apis[0]}/hello`,
    '',
    'Ctrl-C stops everything.',
  ].join('\n')
}
