import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError } from './error.ts'
import type { Shell } from './shell.ts'

/** Reads a file that the command line names. @throws CliError `WRONG_USE` when it cannot be read */
export function readGiven(path: string, { folder }: Pick<Shell, 'folder'>): Buffer {
  const whole = resolve(folder, path)
  try {
    return readFileSync(whole)
  } catch (cause) {
    throw unreadable(whole, cause)
  }
}

/** Says of a file that the command line names that it cannot be read. */
export function unreadable(path: string, cause: unknown): CliError {
  const { code } = cause as NodeJS.ErrnoException
  return new CliError('WRONG_USE', `${path} cannot be read (${code})`, { path }, { cause })
}
