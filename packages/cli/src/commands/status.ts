import type { Command } from 'commander'
import { listEvents } from '../client/audit.ts'
import { overdueCredentials } from '../client/credentials.ts'
import { ifAllowed, ifThere } from '../client/if-there.ts'
import { openIncidents } from '../client/incidents.ts'
import { chainIntegrity } from '../client/integrity.ts'
import { readIssuance } from '../client/issuance.ts'
import { listKeyrings } from '../client/keyrings.ts'
import { ManagementClient } from '../client/management.ts'
import { listInstances, listVerifiers } from '../client/parties.ts'
import { type Estate, idpsOf } from '../estate/document.ts'
import { findEstate } from '../estate/find.ts'
import { print, type Shell, tell } from '../shell.ts'
import { attention, type Seen } from '../status/attention.ts'
import { type AuditSeen, type Tripwire, tripwireActions } from '../status/audit-worries.ts'
import { report } from '../status/report.ts'
import { newCommand, wantsJson } from './command.ts'

const dayMs = 86_400_000
const mostTripwires = 200

/** `rekey status`: every keyring, instance and verifier, and what a person should look at. */
export function statusCommand(shell: Shell): Command {
  return newCommand('status', 'show keyrings, instances, verifiers and what needs attention').action(
    async (_options, command) => {
      const seen = await look(findEstate(shell.env, shell.folder), shell)
      const now = shell.now()
      const status = { ...seen, attention: attention(seen, now) }
      print(shell, wantsJson(command), { json: status, text: report(status, now) })
    },
  )
}

async function look(estate: Estate, shell: Shell): Promise<Seen> {
  const client = new ManagementClient(estate, shell, ['keyrings:read', 'agents:read', 'audit:read', 'incidents:write'])
  const keyrings = await listKeyrings(client)
  const { newest, verifiers } = await listVerifiers(client)
  const issuance = await ifThere(readIssuance(client))
  const instances = await ifThere(listInstances(client))
  const unseen = (what: string, scope: string) => () =>
    tell(shell, `${what} not looked at: this client may not have ${scope}.`)
  const overdue = await ifAllowed(overdueCredentials(client), unseen('Overdue credentials are', 'agents:read'))
  const audit = await ifAllowed(lookAtAudit(client, estate, shell), unseen('The audit is', 'audit:read'))
  const incidents = await ifAllowed(openIncidents(client), unseen('Incidents are', 'incidents:write'))
  return { keyrings, verifiers, newest, issuance, instances, overdue, audit, incidents }
}

async function lookAtAudit(client: ManagementClient, estate: Estate, shell: Shell): Promise<AuditSeen> {
  const from = new Date(shell.now() - dayMs).toISOString()
  const presented = async (action: Tripwire) => (await listEvents(client, { action, from }, mostTripwires)).events
  const tripwires = (await Promise.all(tripwireActions.map(presented))).flat()
  return { ...(await chainIntegrity(shell.fetch, idpsOf(estate))), tripwires }
}
