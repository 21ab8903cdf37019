import { Listr, ListrLogger, ProcessOutput } from 'listr2'
import type { Shell } from '../shell.ts'
import type { Milestone } from './milestones.ts'
import type { Progress } from './progress.ts'

interface Row {
  title: string
  done: PromiseWithResolvers<void>
  task?: { title: string; output: string }
  waiting: string
}

/** Progress on a terminal: a row a milestone, with the reason for waiting below the one that is due. */
export function taskProgress(shell: Shell): Progress {
  const rows: Row[] = []
  let finished: Promise<unknown> | undefined
  return {
    show(path) {
      if (finished === undefined) {
        rows.push(...path.map(newRow))
        finished = render(rows, shell)
      }
      for (const [index, milestone] of path.entries()) update(rows[index], milestone)
    },
    async end(error) {
      // Rows that will not come true any more fail, so that the renderer lets go of the terminal.
      for (const row of rows) row.done.reject(error ?? new Error('not reached'))
      await finished
    },
  }
}

function newRow(milestone: Milestone): Row {
  const row: Row = { title: milestone.title, done: Promise.withResolvers<void>(), waiting: '' }
  // A later row may fail before the renderer comes to wait for it.
  row.done.promise.catch(() => undefined)
  return row
}

function update(row: Row | undefined, milestone: Milestone): void {
  if (!row) return
  row.title = milestone.title
  row.waiting = milestone.waiting ?? ''
  if (row.task) {
    row.task.title = row.title
    row.task.output = row.waiting
  }
  if (milestone.done) row.done.resolve()
}

function render(rows: readonly Row[], shell: Shell): Promise<unknown> {
  const tasks = rows.map((row) => ({
    title: row.title,
    task: (_context: unknown, task: { title: string; output: string }) => {
      row.task = task
      task.title = row.title
      if (row.waiting) task.output = row.waiting
      return row.done.promise
    },
  }))
  const output = new ProcessOutput(shell.stderr as NodeJS.WriteStream, shell.stderr as NodeJS.WriteStream)
  const logger = new ListrLogger({ useIcons: true, processOutput: output })
  // The error itself is told once, by whoever prints errors; signals are minded by the command.
  const rendererOptions = { logger, collapseErrors: false, showErrorMessage: false }
  const list = new Listr(tasks, { renderer: 'default', registerSignalListeners: false, rendererOptions })
  return list.run().catch(() => undefined)
}
