import { setTimeout as delay } from 'node:timers/promises'
import { CliError } from '../error.ts'
import type { Shell } from '../shell.ts'
import type { Milestone, Progress } from '../terminal/progress.ts'
import { isComplete } from './milestones.ts'

/** Something that the IdP carries out by itself, and how it is followed from here. */
export interface Followed<T> {
  look(): Promise<T>
  path(seen: T, now: number): Milestone[]
  /** @throws CliError `FAILED` when nothing would come of waiting any longer */
  refuseGivenUp(seen: T): void
  /** For somebody who stops watching: what goes on without him. */
  goesOn: string
  facts: Record<string, unknown>
}

const lookEveryMs = 200
// An IdP that is being restarted answers again well within this.
const bearSilenceMs = 30_000

/**
 * Follows something until its path is complete. A short silence of the IdP is borne: it goes on there without us.
 *
 * @throws CliError `UNREACHABLE` after 30 s of silence, `FAILED` when interrupted or when it was given up
 */
export async function follow<T>(
  followed: Followed<T>,
  progress: Progress,
  shell: Shell,
  interrupted: AbortSignal,
): Promise<T> {
  let heardAt = shell.now()
  for (;;) {
    try {
      const seen = await followed.look()
      heardAt = shell.now()
      const path = followed.path(seen, heardAt)
      progress.show(path)
      if (isComplete(path)) return seen
      followed.refuseGivenUp(seen)
    } catch (error) {
      if (!isPassing(error) || shell.now() - heardAt > bearSilenceMs) throw error
    }
    await pause(followed, interrupted)
  }
}

/** Not reachable, or answering that it cannot serve just now. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof CliError)) return false
  return error.code === 'UNREACHABLE' || Number(error.facts.status) >= 500 || error.facts.status === 401
}

async function pause<T>({ goesOn, facts }: Followed<T>, interrupted: AbortSignal): Promise<void> {
  try {
    await delay(lookEveryMs, undefined, { signal: interrupted })
  } catch (cause) {
    if (!interrupted.aborted) throw cause
    throw new CliError('FAILED', `no longer watching; ${goesOn} (see "rekey status")`, facts)
  }
}
