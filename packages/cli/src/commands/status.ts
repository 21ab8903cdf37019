import type { Command } from 'commander'
import { readIssuance } from '../client/issuance.ts'
import { listKeyrings } from '../client/keyrings.ts'
import type { ManagementClient } from '../client/management.ts'
import { ifThere, listInstances, listVerifiers } from '../client/parties.ts'
import { print, type Shell } from '../shell.ts'
import { attention, type Seen } from '../status/attention.ts'
import { report } from '../status/report.ts'
import { managementOf, newCommand, wantsJson } from './command.ts'

/** `rekey status`: every keyring, instance and verifier, and what a person should look at. */
export function statusCommand(shell: Shell): Command {
  return newCommand('status', 'show keyrings, instances, verifiers and what needs attention').action(
    async (_options, command) => {
      const seen = await look(managementOf(shell))
      const now = shell.now()
      const status = { ...seen, attention: attention(seen, now) }
      print(shell, wantsJson(command), { json: status, text: report(status, now) })
    },
  )
}

async function look(client: ManagementClient): Promise<Seen> {
  const keyrings = await listKeyrings(client)
  const { newest, verifiers } = await listVerifiers(client)
  const issuance = await ifThere(readIssuance(client))
  const instances = await ifThere(listInstances(client))
  return { keyrings, verifiers, newest, issuance, instances }
}
