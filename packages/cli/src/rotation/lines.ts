import { type Shell, tell } from '../shell.ts'
import type { Milestone } from './milestones.ts'
import type { Progress } from './progress.ts'

/** Progress where no terminal is: a line for each thing that happened and each new reason for waiting. */
export function lineProgress(shell: Shell): Progress {
  const told = new Set<string>()
  const once = (line: string) => {
    if (told.has(line)) return
    told.add(line)
    tell(shell, line)
  }
  return {
    show(path: readonly Milestone[]) {
      for (const { title, done, waiting } of path) {
        if (done) once(`done: ${title}`)
        else if (waiting) once(`${title}: ${waiting}`)
      }
    },
    async end() {},
  }
}
