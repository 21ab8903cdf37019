import { PassThrough, Readable } from 'node:stream'
import { runCommand } from '../src/program.ts'
import type { Shell } from '../src/shell.ts'
import { noon } from './keyring.ts'

/** What a command line printed and ended with. */
export interface Ran {
  code: number
  stdout: string
  stderr: string
}

/** What else differs from a shell in which nothing happens, at noon. */
export interface Around {
  interrupted?: AbortSignal
  now?: Shell['now']
  columns?: number | undefined
  stdin?: string
}

/** Runs a command line as the executable does, in this process, with an environment of its own. */
export async function run(words: readonly string[], env: Shell['env'] = {}, around: Around = {}): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const code = await runCommand(words, { ...shellWith(env, around), stdout, stderr })
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) }
}

/** A shell that nobody reads. */
export function shellWith(
  env: Shell['env'],
  { interrupted = new AbortController().signal, now = () => noon, columns, stdin = '' }: Around = {},
): Shell {
  return {
    env,
    folder: '/nowhere',
    stdin: Readable.from([stdin]),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    interactive: false,
    columns,
    now,
    fetch,
    interruption: () => interrupted,
  }
}

function textOf(stream: PassThrough): string {
  return stream.read()?.toString() ?? ''
}
