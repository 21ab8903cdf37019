import type { Readable, Writable } from 'node:stream'
import type { Clock } from './clock.ts'

/** Everything a command may touch outside itself. The entry point fills it from the process, tests from theirs. */
export interface Shell {
  env: Readonly<Record<string, string | undefined>>
  /** The current folder. */
  folder: string
  /** What is too secret for a command line. */
  stdin: Readable
  /** Results: with `--json` exactly one document. */
  stdout: Writable
  /** Progress, hints and errors. */
  stderr: Writable
  now: Clock
  fetch: typeof globalThis.fetch
  /** Whether a person looks at both of them on a terminal. */
  interactive: boolean
  /** How wide the terminal of stdout is; undefined when it is none. */
  columns: number | undefined
  /** From the first call on Ctrl-C and its like abort this signal instead of ending the process. */
  interruption(): AbortSignal
}

/** The result of a command: the document for machines and the text for people. */
export interface Result {
  json: unknown
  text: string
}

/** Prints a result in the form that was asked for. */
export function print(shell: Shell, asJson: boolean, result: Result): void {
  const text = asJson ? JSON.stringify(result.json, null, 2) : result.text
  if (text !== '') shell.stdout.write(`${text}\n`)
}

/** A line for the person at the terminal. */
export function tell(shell: Shell, line: string): void {
  shell.stderr.write(`${line}\n`)
}
