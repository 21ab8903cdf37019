import { once } from 'node:events'
import { styleText } from 'node:util'
import type { Command } from 'commander'
import { monotonicClock } from '../clock.ts'
import type { Estate } from '../estate/document.ts'
import { homeOf } from '../estate/home.ts'
import { portsOf } from '../estate/ports.ts'
import { print, type Shell, tell } from '../shell.ts'
import { newCommand, wantsJson } from './command.ts'

/** `rekey up`: runs the whole estate on this machine until it is told to stop. */
export function upCommand(shell: Shell): Command {
  return newCommand('up', 'run the whole estate on this machine: PostgreSQL, IdP and two APIs (Ctrl-C stops it)')
    .addHelpText(
      'after',
      [
        '',
        'REKEY_HOME (.rekey) keeps its data; REKEY_PORT_BASE n (8000) places IdP n+2, PostgreSQL n+54, APIs n+81 and n+82.',
        'DATABASE_URL (and DATABASE_OWNER_URL, if another role owns the tables) uses a PostgreSQL of yours instead.',
      ].join('\n'),
    )
    .action(async (_options: object, command: Command) => {
      const interrupted = shell.interruption()
      try {
        await runUntil(interrupted, shell, wantsJson(command))
      } catch (error) {
        // Interrupted during its start: what had been started is stopped, and that is what was asked for.
        if (!interrupted.aborted) throw error
      }
    })
}

async function runUntil(interrupted: AbortSignal, shell: Shell, asJson: boolean): Promise<void> {
  const home = homeOf(shell.env, shell.folder)
  const options = {
    home,
    ports: portsOf(shell.env),
    env: shell.env,
    pid: process.pid,
    fetch: shell.fetch,
    monotonic: monotonicClock,
    tell: (line: string) => tell(shell, line),
  }
  // Loaded here alone: it brings the database and the IdP, and would triple the time that every other command takes.
  const { RunningEstate } = await import('../estate/estate.ts')
  tell(shell, 'Starting PostgreSQL, the IdP and two APIs …')
  const { run, estate } = await RunningEstate.start(options, interrupted)
  // Only the addresses: credentials stand in the estate's file and nowhere on a screen.
  const json = { idp: estate.idp, apis: estate.apis, home: home.folder }
  print(shell, asJson, { json, text: announcement(estate, home.folder) })
  if (!interrupted.aborted) await once(interrupted, 'abort')
  tell(shell, 'Stopping …')
  await run.stop()
  tell(shell, 'Everything is stopped.')
}

function announcement(estate: Estate, home: string): string {
  // Without its password.
  const database = estate.database ? new URL(estate.database).host : ''
  const bold = (text: string) => styleText('bold', text)
  return [
    '',
    bold('Rekey is ready.'),
    '',
    `  IdP         ${estate.idp}`,
    `  APIs        ${estate.apis.join('  ')}`,
    `  PostgreSQL  ${database}`,
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
