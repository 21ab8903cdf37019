import { once } from 'node:events'
import { styleText } from 'node:util'
import { type Command, InvalidArgumentError } from 'commander'
import { monotonicClock } from '../clock.ts'
import { bffsOf, type Estate, idpsOf } from '../estate/document.ts'
import { type Home, homeOf } from '../estate/home.ts'
import { type Counts, mostBffs, mostIdps, portsOf } from '../estate/ports.ts'
import { print, type Shell, tell } from '../shell.ts'
import { newCommand, wantsJson } from './command.ts'

type UpOptions = Required<Counts>

/** `rekey up`: runs the whole estate on this machine until it is told to stop. */
export function upCommand(shell: Shell): Command {
  return newCommand('up', 'run the whole estate on this machine: PostgreSQL, IdP, two APIs and a BFF (Ctrl-C stops it)')
    .option(
      '--idps <number>',
      `how many instances of the IdP (1 to ${mostIdps}), all of them one issuer`,
      countTo(mostIdps),
      1,
    )
    .option(
      '--bffs <number>',
      `how many instances of the backend for frontend (1 to ${mostBffs}), for a balancer of yours`,
      countTo(mostBffs),
      1,
    )
    .addHelpText(
      'after',
      [
        '',
        'REKEY_HOME (.rekey) keeps its data; REKEY_PORT_BASE n (8000) places the BFF n (and n+10 … with --bffs), IdP n+2',
        '(and n+3 … with --idps), PostgreSQL n+54, APIs n+81 and n+82.',
        'DATABASE_URL uses a PostgreSQL of yours instead (with DATABASE_OWNER_URL, if another role owns the tables, and',
        'DATABASE_DIRECT_URL, if DATABASE_URL leads through a pooler), BFF_DATABASE_URL … the same for the BFF, which has a',
        'database of its own. REKEY_BFF=off: no BFF. REKEY_ALGORITHMS (ES256,RS256) is what the APIs allow.',
      ].join('\n'),
    )
    .action(async (options: UpOptions, command: Command) => runUntilInterrupted(options, shell, wantsJson(command)))
}

function countTo(most: number): (text: string) => number {
  return (text) => {
    const count = Number(text)
    if (/^\d+$/.test(text) && count >= 1 && count <= most) return count
    throw new InvalidArgumentError(`It has to be a whole number from 1 to ${most}.`)
  }
}

async function runUntilInterrupted(options: UpOptions, shell: Shell, asJson: boolean): Promise<void> {
  const interrupted = shell.interruption()
  const home = homeOf(shell.env, shell.folder)
  const started = await start(home, countsOf(options, shell), interrupted, shell)
  if (!started) return
  const { run, estate } = started
  // Only the addresses: credentials stand in the estate's file and nowhere on a screen.
  const { idp, bff, apis } = estate
  const json = { idp, idps: idpsOf(estate), ...(bff ? { bff, bffs: bffsOf(estate) } : {}), apis, home: home.folder }
  print(shell, asJson, { json, text: announcement(estate, home.folder) })
  if (!interrupted.aborted) await once(interrupted, 'abort')
  tell(shell, 'Stopping …')
  await run.stop()
  tell(shell, 'Everything is stopped.')
}

/** Undefined when it was interrupted: then what had been started is stopped, and that is what was asked for. */
async function start(home: Home, counts: UpOptions, interrupted: AbortSignal, shell: Shell) {
  const options = {
    home,
    ports: portsOf(shell.env, counts),
    env: shell.env,
    pid: process.pid,
    fetch: shell.fetch,
    now: shell.now,
    monotonic: monotonicClock,
    tell: (line: string) => tell(shell, line),
  }
  // Loaded here alone: it brings the database and the IdP, and would double the time that every other command takes.
  const { RunningEstate } = await import('../estate/estate.ts')
  tell(shell, `Starting PostgreSQL, ${partsText(counts)} …`)
  try {
    return await RunningEstate.start(options, interrupted)
  } catch (error) {
    if (interrupted.aborted) return undefined
    throw error
  }
}

function countsOf({ idps, bffs }: UpOptions, { env }: Pick<Shell, 'env'>): UpOptions {
  return { idps, bffs: env.REKEY_BFF === 'off' ? 0 : bffs }
}

function partsText({ idps, bffs }: UpOptions): string {
  const several = (count: number, what: string) => (count === 1 ? `the ${what}` : `${count} instances of the ${what}`)
  const parts = [several(idps, 'IdP'), 'two APIs', ...(bffs === 0 ? [] : [several(bffs, 'BFF')])]
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

function announcement(estate: Estate, home: string): string {
  // Without its password.
  const database = estate.database ? new URL(estate.database).host : ''
  const bold = (text: string) => styleText('bold', text)
  return [
    '',
    bold('Rekey is ready.'),
    '',
    ...(estate.bff ? [`  BFF         ${announcedBffs(estate)} (log in there with a browser)`] : []),
    `  IdP         ${idpsOf(estate).join('  ')}`,
    `  APIs        ${estate.apis.join('  ')}`,
    `  PostgreSQL  ${database}`,
    ...(estate.user ? [`  User        ${estate.user.username} (its password is in ${home}/estate.json)`] : []),
    `  Home        ${home} (logs in ${home}/logs)`,
    '',
    bold('Try next, in another terminal:'),
    '',
    '  npx rekey status',
    ...(estate.bff ? ['  npx rekey verify'] : []),
    '  npx rekey load --rate 500 --seconds 60',
    '  npx rekey rotate signing-es256 --watch',
    `  curl -H "Authorization: Bearer $(npx rekey token)" ${estate.apis[0]}/hello`,
    '',
    'Ctrl-C stops everything.',
  ].join('\n')
}

function announcedBffs(estate: Estate): string {
  return [...new Set([estate.bff, ...bffsOf(estate)])].join('  ')
}
