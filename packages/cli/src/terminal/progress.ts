import type { Shell } from '../shell.ts'
import { lineProgress } from './lines.ts'
import { taskProgress } from './tasks.ts'

/** One thing that has to come true on the way to something that takes its time. */
export interface Milestone {
  title: string
  done: boolean
  /** It came to an end, though not to the good one that its title would else tell of. */
  wrong?: boolean
  /** What it waits for, when it is the one that is due and something is known. */
  waiting?: string
  /** Since when it is under way, where that is known: a time of day. */
  since?: string
}

/** Shows the path as it is gone. */
export interface Progress {
  show(path: readonly Milestone[]): void
  /** Called once, when nothing more will be shown. */
  end(error?: unknown): Promise<void>
}

/** Does something that takes its time, with progress as rows on a terminal and as lines elsewhere. */
export async function withProgress<T>(
  shell: Shell,
  asJson: boolean,
  act: (progress: Progress) => Promise<T>,
): Promise<T> {
  const progress = shell.interactive && !asJson ? taskProgress(shell) : lineProgress(shell)
  try {
    const result = await act(progress)
    await progress.end()
    return result
  } catch (error) {
    await progress.end(error)
    throw error
  }
}
