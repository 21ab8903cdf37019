import { Command, InvalidArgumentError } from 'commander'
import { ManagementClient, type Scope } from '../client/management.ts'
import { findEstate } from '../estate/find.ts'
import type { Shell } from '../shell.ts'

/** The options that every command has. */
export interface CommonOptions {
  json?: boolean
}

/** A command with `--json`, which every one has. */
export function newCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--json', 'print one JSON document on stdout, all else on stderr')
}

/** Whether `--json` was given, before or after the command's name. */
export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<CommonOptions>().json === true
}

/**
 * The management API of the estate that the shell points at.
 *
 * @param scopes of a command that needs several: they are asked for at once
 * @throws CliError `NO_ESTATE` and others
 */
export function managementOf(shell: Shell, ...scopes: Scope[]): ManagementClient {
  return new ManagementClient(findEstate(shell.env, shell.folder), shell, scopes)
}

/** Reads a number option that has to be positive. */
export function positiveNumber(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It has to be a number above 0.')
  return value
}
