import { type Shell, tell } from '../shell.ts'
import { printable } from './printable.ts'
import type { Milestone, Progress } from './progress.ts'

/** Progress where no terminal is: a line for each thing that happened and each new reason for waiting. */
export function lineProgress(shell: Shell): Progress {
  const told = new Set<string>()
  const once = (line: string) => {
    if (told.has(line)) return
    told.add(line)
    tell(shell, printable(line))
  }
  return {
    show(path: readonly Milestone[]) {
      for (const { title, done, wrong, waiting, since } of path) {
        if (done) once(`${wrong ? 'NOT done' : 'done'}: ${title}`)
        else if (waiting) once(`${title}: ${waiting}${since ? `; since ${since}` : ''}`)
      }
    },
    async end() {},
  }
}
