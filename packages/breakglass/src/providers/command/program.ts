import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'
import { BreakGlassError } from '../../error.ts'
import { type Command, type CommandConfig, commandNames } from './config.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * What is wrong with the commands, as sentences, before any of them runs: a step must not find in the middle of an
 * incident that the program of the next one is not there.
 */
export async function missingParts(config: CommandConfig, env: Environment): Promise<string[]> {
  const found = commandNames.map(async (name) => {
    const command = config.commands[name]
    if (!command) return []
    const unset = command.env.filter((variable) => env[variable] === undefined)
    const sentences = unset.map((variable) => `the command ${name} wants the variable ${variable}, which is not set`)
    if (await isThere(command, config.home, env)) return sentences
    return [...sentences, `the program of the command ${name} is not there or may not be run: ${command.run[0]}`]
  })
  return (await Promise.all(found)).flat()
}

/** What a command finds in its environment: what its entry names, and PATH. */
export function environmentOf(command: Command, env: Environment): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const name of ['PATH', ...command.env]) {
    const value = env[name]
    if (value !== undefined) passed[name] = value
    else if (name !== 'PATH') throw new BreakGlassError('COMMAND_FAILED', `the variable ${name} is not set`)
  }
  return passed
}

/** A program with a slash is a path from the file's folder; a bare name is looked for on PATH. */
export function programOf([program]: Command['run'], home: string): string {
  return program.includes('/') ? resolve(home, program) : program
}

async function isThere({ run }: Command, home: string, env: Environment): Promise<boolean> {
  const program = programOf(run, home)
  const places = program.includes('/') ? [program] : pathOf(env).map((folder) => join(resolve(home, folder), program))
  return (await Promise.all(places.map(mayRun))).includes(true)
}

function pathOf(env: Environment): string[] {
  return (env.PATH ?? '').split(delimiter)
}

async function mayRun(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    // Whatever keeps it from being looked at keeps it from being run.
    return false
  }
}
