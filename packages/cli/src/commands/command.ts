import { Command, InvalidArgumentError, Option } from 'commander'
import { ManagementClient, type Of, type Scope } from '../client/management.ts'
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

type Around = Pick<Shell, 'env' | 'folder' | 'fetch' | 'now'>

/** `--bff`: the backend for frontend, where the estate does not say where it is, or says another one. */
export function bffOption(): Option {
  return new Option('--bff <url>', 'the backend for frontend (default: that of the estate, or REKEY_BFF)')
}

/** What {@link insteadOption} reads. */
export interface Instead {
  bff?: string | true
}

/** `--bff`, maybe with its URL: for commands that ask the IdP otherwise. */
export function insteadOption(): Option {
  const what = "the backend for frontend's instead of the IdP's; with its URL, where the estate does not say it"
  return new Option('--bff [url]', what).argParser(bffUrl)
}

/** What stands behind `--bff` may have been meant for an argument. */
function bffUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text
  throw new InvalidArgumentError('It is no URL of a backend for frontend; arguments stand before --bff.')
}

/** Which service that option chose, and the shell that leads there. */
export function chosen(bff: Instead['bff'], shell: Around): { of: Of; around: Around } {
  if (bff === undefined) return { of: undefined, around: shell }
  return { of: 'bff', around: towards(bff === true ? undefined : bff, shell) }
}

/** The shell with the backend for frontend that `--bff` named. */
export function towards(bff: string | undefined, { env, folder, fetch, now }: Around): Around {
  return { env: bff === undefined ? env : { ...env, REKEY_BFF: bff }, folder, fetch, now }
}

/**
 * The management API of the estate that the shell points at.
 *
 * @param scopes of a command that needs several: they are asked for at once
 * @throws CliError `NO_ESTATE` and others
 */
export function managementOf(shell: Around, ...scopes: Scope[]): ManagementClient {
  return new ManagementClient(findEstate(shell.env, shell.folder), shell, scopes)
}

/** Reads a number option that has to be positive. */
export function positiveNumber(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It has to be a number above 0.')
  return value
}
