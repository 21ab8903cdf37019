import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { CliError } from './error.ts'
import { type Shell, tell } from './shell.ts'

/** 144 random bits, to be typed or kept. */
export function generatedPassword(): string {
  return randomBytes(18).toString('base64url')
}

/**
 * The first line of stdin: a command line is seen by everybody on the machine, and remembered by the shell. At a terminal it is
 * asked for, and what is typed is not shown.
 *
 * @throws CliError `WRONG_USE` when there is none
 */
export async function readPassword(shell: Shell): Promise<string> {
  const isTerminal = 'isTTY' in shell.stdin && shell.stdin.isTTY === true
  if (isTerminal) tell(shell, 'New password:')
  const lines = createInterface({ input: shell.stdin, output: new PassThrough(), terminal: isTerminal })
  try {
    for await (const line of lines) if (line !== '') return line
  } finally {
    lines.close()
  }
  throw new CliError('WRONG_USE', 'stdin holds no password')
}
