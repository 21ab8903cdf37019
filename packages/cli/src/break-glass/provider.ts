import { resolve } from 'node:path'
import {
  type ApiTarget,
  commandProvider,
  folderJournal,
  type IdentityProvider,
  readCommandFile,
  readTargets,
  rekeyProvider,
} from '@rekey/breakglass'
import { ManagementClient } from '../client/management.ts'
import { ownTargets } from '../estate/document.ts'
import { findEstate } from '../estate/find.ts'
import { homeOf } from '../estate/home.ts'
import { type Shell, tell } from '../shell.ts'
import { managementApi } from './api.ts'
import { runnerName } from './runner.ts'

/** Whom an incident is about: an identity provider, and its APIs where none is named. */
export interface Concerned {
  provider: IdentityProvider
  apis: ApiTarget[]
  /** Those that this machine is told of, whatever an incident names. */
  known: ApiTarget[]
  /** Undefined for one that is steered by commands. */
  client?: ManagementClient
}

/**
 * The identity provider that a command acts on: the estate's, or the one that the operator's commands steer.
 *
 * @param idpCommands the file of those
 * @throws CliError `NO_ESTATE` and others; BreakGlassError `PLAN_INVALID`, `FILE_FAILED`
 */
export async function concerned(shell: Shell, idpCommands: string | undefined): Promise<Concerned> {
  const named = readTargets(shell.env.REKEY_APIS ?? '')
  if (idpCommands !== undefined) return { provider: await steered(shell, idpCommands), apis: named, known: named }
  const estate = findEstate(shell.env, shell.folder)
  const client = new ManagementClient(estate, shell, ['keyrings:read', 'incidents:write', 'audit:read'])
  const own = readTargets(ownTargets(estate.apis))
  return {
    provider: rekeyProvider(managementApi(client)),
    apis: shell.env.REKEY_IDP || named.length > 0 ? named : own,
    known: [...named, ...own],
    client,
  }
}

async function steered(shell: Shell, file: string): Promise<IdentityProvider> {
  const home = homeOf(shell.env, shell.folder)
  const config = await readCommandFile(resolve(shell.folder, file), home.incidentsFolder)
  const operator = runnerName(shell.env)
  const journal = folderJournal(config.folder, { clock: shell.now, operator })
  return commandProvider(config, {
    journal,
    operator,
    clock: shell.now,
    env: shell.env,
    signal: shell.interruption(),
    onText: (line) => tell(shell, line),
  })
}
