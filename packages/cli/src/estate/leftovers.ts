import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { CliError } from '../error.ts'
import { isAlive, type ProcessIdentity } from './process-identity.ts'

// The children of a killed estate end by themselves; these are for one that hangs.
const termAfterMs = 500
const killAfterMs = 3_000
const giveUpAfterMs = 6_000
const lookEveryMs = 25

/**
 * Waits until the processes that a killed estate left behind are gone, and helps those that do not go.
 *
 * @throws CliError `START_FAILED` when one cannot be ended
 */
export async function endLeftovers(leftovers: readonly ProcessIdentity[], monotonic: Clock): Promise<void> {
  const start = monotonic()
  const sent = new Set<string>()
  for (;;) {
    const alive = leftovers.filter(isAlive)
    if (alive.length === 0) return
    const waitedMs = monotonic() - start
    if (waitedMs > giveUpAfterMs) throw stuck(alive)
    if (waitedMs > killAfterMs) for (const child of alive) signalOnce(child, 'SIGKILL', sent)
    else if (waitedMs > termAfterMs) for (const child of alive) signalOnce(child, 'SIGTERM', sent)
    await delay(lookEveryMs)
  }
}

function signalOnce(child: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL', sent: Set<string>): void {
  const key = `${child.pid} ${signal}`
  if (sent.has(key)) return
  sent.add(key)
  try {
    process.kill(child.pid, signal)
  } catch (cause) {
    // Gone between the look and the signal. One of another user shows by staying.
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw cause
  }
}

function stuck(alive: readonly ProcessIdentity[]): CliError {
  const pids = alive.map(({ pid }) => pid)
  return new CliError('START_FAILED', `an earlier estate left processes that do not end: ${pids.join(', ')}`, { pids })
}
