import { setTimeout as delay } from 'node:timers/promises'
import { activeOf, type KeyringView } from '../client/keyring.ts'
import { readKeyring } from '../client/keyrings.ts'
import type { ManagementClient } from '../client/management.ts'
import { CliError } from '../error.ts'
import type { Shell } from '../shell.ts'
import { isComplete, type Milestone, milestones, type Until } from './milestones.ts'

/** What is followed, and from which version it leads away. */
export interface Watched {
  name: string
  from: string | undefined
  until: Until
}

/** Shows the path as it is gone. */
export interface Progress {
  show(path: readonly Milestone[]): void
  /** Called once, when nothing more will be shown. */
  end(error?: unknown): Promise<void>
}

const lookEveryMs = 200
// An IdP that is being restarted answers again well within this.
const bearSilenceMs = 30_000

/**
 * Follows a rotation until it has come as far as asked. A short silence of the IdP is borne: the rotation goes on there
 * without us.
 *
 * @throws CliError `UNREACHABLE` after 30 s of silence, `FAILED` when interrupted or when the rotation was given up
 */
export async function watch(
  client: ManagementClient,
  watched: Watched,
  progress: Progress,
  shell: Shell,
  interrupted: AbortSignal,
): Promise<KeyringView> {
  let heardAt = shell.now()
  for (;;) {
    try {
      const keyring = await readKeyring(client, watched.name)
      heardAt = shell.now()
      const path = milestones(keyring, watched.from, watched.until, heardAt)
      progress.show(path)
      if (isComplete(path)) return keyring
      refuseGivenUp(keyring, watched)
    } catch (error) {
      if (!isPassing(error) || shell.now() - heardAt > bearSilenceMs) throw error
    }
    await pause(watched, interrupted)
  }
}

/** Discarding the standby that a rotation waits for ends it, as does rolling back: nothing would come of waiting. */
function refuseGivenUp(keyring: KeyringView, { name, from }: Watched): void {
  if (keyring.rotation !== undefined || activeOf(keyring)?.id !== from) return
  const text = `the rotation of ${name} was given up: ${from ?? 'no version'} is active, and no rotation is under way`
  throw new CliError('FAILED', text, { keyring: name, active: from })
}

/** Not reachable, or answering that it cannot serve just now. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof CliError)) return false
  return error.code === 'UNREACHABLE' || Number(error.facts.status) >= 500 || error.facts.status === 401
}

async function pause(watched: Watched, interrupted: AbortSignal): Promise<void> {
  try {
    await delay(lookEveryMs, undefined, { signal: interrupted })
  } catch (cause) {
    if (!interrupted.aborted) throw cause
    const text = `no longer watching; the rotation of ${watched.name} goes on by itself (see "rekey status")`
    throw new CliError('FAILED', text, { keyring: watched.name })
  }
}
