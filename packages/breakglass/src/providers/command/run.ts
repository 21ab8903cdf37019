import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { BreakGlassError } from '../../error.ts'
import type { Command, CommandName } from './config.ts'
import { Execution } from './execution.ts'
import { Lines } from './lines.ts'
import { type Environment, environmentOf, programOf } from './program.ts'

/** A program that ends so (EX_TEMPFAIL of sysexits.h) says that its identity provider is away and may come back. */
const temporaryFailure = 75

export interface Run {
  name: CommandName
  command: Command
  /** The folder that it runs in. */
  home: string
  env: Environment
  signal: AbortSignal
  onText: (line: string) => void
}

/**
 * Runs a command: the document on its stdin, the text of its stdout back. No shell is involved, and no argument is ours.
 * It leads a process group of its own, so that a Ctrl-C at the terminal reaches us alone, and so that whatever it started
 * ends with it: a step that is over changes nothing any more.
 *
 * @throws BreakGlassError `COMMAND_FAILED`, `PROVIDER_UNREACHABLE` when it ends with 75, `INTERRUPTED`
 */
export async function runCommand(run: Run, document: unknown): Promise<string> {
  if (run.signal.aborted) throw interrupted(run)
  const { command, home, signal } = run
  const env = environmentOf(command, run.env)
  const lines = new Lines(secretsOf(env), (line) => run.onText(`${run.name}: ${line}`))
  const child = start(run, { cwd: home, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  const execution = new Execution(child, lines, `${JSON.stringify(document)}\n`)
  const interrupt = () => execution.stop(interrupted(run))
  const timeout = setTimeout(
    () => execution.stop(failed(run, `did not end within ${command.timeoutSeconds} s`)),
    command.timeoutSeconds * 1_000,
  )
  signal.addEventListener('abort', interrupt)
  try {
    const end = await execution.ended
    if (end.error) throw end.error instanceof BreakGlassError ? end.error : notStarted(run, end.error)
    if (end.tooLong) throw failed(run, 'answered more than can be read')
    if (end.code !== 0) throw unsuccessful(run, end.code, end.signal, lines.last)
    return end.reply
  } finally {
    clearTimeout(timeout)
    signal.removeEventListener('abort', interrupt)
  }
}

/** Some errors of starting are thrown, others come as an event. */
function start(run: Run, options: SpawnOptions): ChildProcess {
  try {
    return spawn(programOf(run.command.run, run.home), run.command.run.slice(1), options)
  } catch (cause) {
    throw notStarted(run, cause as NodeJS.ErrnoException)
  }
}

function secretsOf({ PATH: _, ...named }: Record<string, string>): string[] {
  return Object.values(named)
}

type Failed = Pick<Run, 'name'>

function interrupted({ name }: Failed): BreakGlassError {
  return new BreakGlassError('INTERRUPTED', `the command ${name} was ended before it was done`, { command: name })
}

/** The failure of a command, whatever it is. */
export function failed({ name }: Failed, how: string, facts: object = {}, options?: ErrorOptions): BreakGlassError {
  return new BreakGlassError('COMMAND_FAILED', `the command ${name} ${how}`, { command: name, ...facts }, options)
}

function notStarted(run: Failed, cause: NodeJS.ErrnoException): BreakGlassError {
  return failed(run, `cannot be started: ${cause.code}`, { code: cause.code }, { cause })
}

function unsuccessful(
  run: Failed,
  exit: number | null,
  signal: NodeJS.Signals | null,
  lines: readonly string[],
): BreakGlassError {
  const said = lines.length === 0 ? 'it said nothing' : lines.join(' / ')
  const how = signal ? `was ended by ${signal}` : `ended with ${exit}`
  if (exit !== temporaryFailure) return failed(run, `${how}: ${said}`, { exit, signal, lines })
  return new BreakGlassError('PROVIDER_UNREACHABLE', `the command ${run.name} says that its provider is away: ${said}`)
}
