import { Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from 'listr2'
import type { Shell } from '../shell.ts'
import { printable } from './printable.ts'
import type { Milestone, Progress } from './progress.ts'

// biome-ignore lint/suspicious/noExplicitAny: the renderers' types, of which nothing is used here
type Task = ListrTaskWrapper<unknown, any, any>

interface Row {
  title: string
  done: PromiseWithResolvers<void>
  task?: Task
  waiting: string
}

/** Progress on a terminal: a row a milestone, with the reason for waiting below the one that is due. */
export function taskProgress(shell: Shell): Progress {
  const rows: Row[] = []
  const state = { ended: false }
  let finished: Promise<unknown> | undefined
  return {
    show(path) {
      if (finished === undefined) {
        rows.push(...path.map(newRow))
        finished = render(rows, state, shell)
      }
      for (const [index, milestone] of path.entries()) update(rows[index], milestone)
    },
    async end(error) {
      state.ended = true
      // The row that will not come true any more fails, so that the renderer lets go of the terminal.
      for (const row of rows) row.done.reject(error ?? new Error('not reached'))
      await finished
    },
  }
}

function newRow(milestone: Milestone): Row {
  const row: Row = { title: printable(milestone.title), done: Promise.withResolvers<void>(), waiting: '' }
  // A later row may fail before the renderer comes to wait for it.
  row.done.promise.catch(() => undefined)
  return row
}

function update(row: Row | undefined, { title, waiting, since, done, wrong }: Milestone): void {
  if (!row) return
  row.title = printable(title)
  row.waiting = printable([since && `since ${since}`, waiting].filter(Boolean).join(', '))
  if (row.task) {
    row.task.title = row.title
    row.task.output = row.waiting
  }
  if (done && wrong) row.done.reject(new Error('it did not come true'))
  else if (done) row.done.resolve()
}

function render(rows: readonly Row[], state: { ended: boolean }, shell: Shell): Promise<unknown> {
  const tasks = rows.map((row) => ({
    title: row.title,
    task: async (_context: unknown, task: Task) => {
      row.task = task
      task.title = row.title
      if (row.waiting) task.output = row.waiting
      await unlessOver(row, task, state)
    },
  }))
  const output = new ProcessOutput(shell.stderr as NodeJS.WriteStream, shell.stderr as NodeJS.WriteStream)
  const logger = new ListrLogger({ useIcons: true, processOutput: output })
  // The error itself is told once, by whoever prints errors; signals are minded by the command.
  const rendererOptions = { logger, collapseErrors: false, showErrorMessage: false, showSkipMessage: false }
  // A milestone that went wrong is not the end of the way.
  const options = { registerSignalListeners: false, exitOnError: false } as const
  const list = new Listr(tasks, { renderer: 'default', ...options, rendererOptions })
  return list.run().catch(() => undefined)
}

/** When all is over, what comes true was reached before; what was not even begun is neither right nor wrong. */
async function unlessOver(row: Row, task: Task, state: { ended: boolean }): Promise<void> {
  if (!state.ended) return await row.done.promise
  await row.done.promise.catch(() => task.skip())
}
