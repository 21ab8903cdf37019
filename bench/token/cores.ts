import { execFileSync, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const SERVER_CORE = '0'
const LOAD_CORE = '1'

/** Whether servers and load can have a core each. Without it the figures are of machines that share, and say less. */
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

type Command = readonly [string, ...string[]]

/** The command that runs the given one on the servers' core. */
export function onServerCore(command: Command): Command {
  return pinned ? ['taskset', '-c', SERVER_CORE, ...command] : command
}

/** Moves this process with all its threads to the other core. */
export function moveToLoadCore(): void {
  if (pinned) execFileSync('taskset', ['-acp', LOAD_CORE, String(process.pid)])
}
