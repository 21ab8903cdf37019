import type { Command } from 'commander'
import { activeOf } from '../client/keyring.ts'
import { act } from '../client/keyrings.ts'
import { CliError } from '../error.ts'
import { print, type Shell } from '../shell.ts'
import { bffOption, managementOf, newCommand, towards, wantsJson } from './command.ts'

interface RevokeOptions {
  reason: string
  incident?: string
  bff?: string
}

/** `rekey revoke KEYRING VERSION`: everything that this version produced is refused at once, everywhere, for ever. */
export function revokeCommand(shell: Shell): Command {
  return newCommand('revoke', 'shut a compromised version out of every service at once, for ever')
    .argument('<keyring>', 'name of the keyring')
    .argument('<version>', 'id of the version (a kid)')
    .requiredOption('--reason <text>', 'why, for the audit trail')
    .option('--incident <id>', 'the incident that it belongs to')
    .addOption(bffOption())
    .action(async (name: string, id: string, options: RevokeOptions, command: Command) => {
      const body = { id, reason: options.reason, ...(options.incident ? { incident: options.incident } : {}) }
      const keyring = await act(managementOf(towards(options.bff, shell)), name, 'revoke', body).catch(
        withIncidentNamed,
      )
      const text = `${name}: ${id} is revoked; ${activeOf(keyring)?.id ?? 'no version'} is active.`
      print(shell, wantsJson(command), { json: keyring, text })
    })
}

/** To revoke is part of what administration is frozen for, and needs no unfreezing. */
function withIncidentNamed(error: unknown): never {
  if (!(error instanceof CliError) || error.facts.code !== 'ADMINISTRATION_FROZEN' || !error.facts.incident) throw error
  const { code, message, facts, cause } = error
  const way = `, but with "--incident ${facts.incident}" it is revoked all the same`
  throw new CliError(code, `${message}${way}`, { ...facts }, { cause })
}
