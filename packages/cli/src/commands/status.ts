import type { Command } from 'commander'
import { listEvents } from '../client/audit.ts'
import { readColumns } from '../client/columns.ts'
import { expiredCredentials, expiringCredentials, overdueCredentials } from '../client/credentials.ts'
import { ifAllowed, ifThere } from '../client/if-there.ts'
import { openIncidents } from '../client/incidents.ts'
import { chainIntegrity } from '../client/integrity.ts'
import type { SecretView } from '../client/inventory.ts'
import { readIssuance } from '../client/issuance.ts'
import type { KeyringView } from '../client/keyring.ts'
import { listBffKeyrings, listKeyrings } from '../client/keyrings.ts'
import { ManagementClient } from '../client/management.ts'
import { type InstanceView, listBffInstances, listInstances, listVerifiers } from '../client/parties.ts'
import { listWebhooks } from '../client/webhooks.ts'
import { CliError } from '../error.ts'
import { bffsOf, type Estate, idpsOf } from '../estate/document.ts'
import { findEstate } from '../estate/find.ts'
import { lookAtInventory } from '../inventory/look.ts'
import { print, type Shell, tell } from '../shell.ts'
import { attention, type Seen } from '../status/attention.ts'
import { type AuditSeen, type Tripwire, tripwireActions } from '../status/audit-worries.ts'
import { report } from '../status/report.ts'
import { bffOption, newCommand, towards, wantsJson } from './command.ts'

const dayMs = 86_400_000
const mostTripwires = 200
const mostWebhooks = 200

/** `rekey status`: every keyring, instance and verifier, and what a person should look at. */
export function statusCommand(shell: Shell): Command {
  return newCommand('status', 'show keyrings, instances, verifiers and what needs attention')
    .addOption(bffOption())
    .action(async ({ bff }: { bff?: string }, command: Command) => {
      const { env, folder } = towards(bff, shell)
      const seen = await look(findEstate(env, folder), shell)
      const now = shell.now()
      const status = { ...seen, attention: attention(seen, now) }
      print(shell, wantsJson(command), { json: status, text: report(status, now) })
    })
}

async function look(estate: Estate, shell: Shell): Promise<Seen> {
  const client = new ManagementClient(estate, shell, [
    'keyrings:read',
    'agents:read',
    'audit:read',
    'webhooks:read',
    'incidents:write',
  ])
  const ofIdp = await listKeyrings(client)
  const { newest, verifiers } = await listVerifiers(client)
  const issuance = await ifThere(readIssuance(client))
  const columns = await ifThere(readColumns(client))
  const instancesOfIdp = await ifThere(listInstances(client))
  const unseen = (what: string, scope: string) => () =>
    tell(shell, `${what} not looked at: this client may not have ${scope}.`)
  const overdue = await ifAllowed(overdueCredentials(client), unseen('Overdue credentials are', 'agents:read'))
  const expiring = overdue && (await ifThere(expiringCredentials(client)))
  const expired = overdue && (await ifThere(expiredCredentials(client)))
  const declared = overdue && (await ifThere(overdueDeclared(client)))
  const audit = await ifAllowed(lookAtAudit(client, estate, shell), unseen('The audit is', 'audit:read'))
  const webhooks = (await ifAllowed(listWebhooks(client, mostWebhooks), () => {}))?.webhooks
  const incidents = await ifAllowed(openIncidents(client), unseen('Incidents are', 'incidents:write'))
  const { keyrings: ofBff = [], instances: instancesOfBff, bffAway } = await lookAtBff(client)
  const bffAudit = client.hasBff ? await chainIntegrity(shell.fetch, bffsOf(estate)) : undefined
  const keyrings = [...ofIdp, ...ofBff]
  const told = [instancesOfIdp, instancesOfBff].filter((some) => some !== undefined)
  const instances = told.length === 0 ? undefined : told.flat()
  const due = { overdue, expiring, expired, declared }
  return {
    keyrings,
    bffAway,
    verifiers,
    newest,
    issuance,
    columns,
    instances,
    ...due,
    audit,
    bffAudit,
    incidents,
    webhooks,
  }
}

/** They stand on the first page of the inventory. */
async function overdueDeclared(client: ManagementClient): Promise<SecretView[]> {
  const { secrets } = await lookAtInventory(client, 1)
  return secrets.filter(({ management, overdueSince }) => management === 'declared' && overdueSince !== undefined)
}

interface BffSeen {
  keyrings?: KeyringView[]
  instances?: InstanceView[] | undefined
  bffAway?: string
}

/** Its absence is told, and keeps nobody from seeing the rest. */
async function lookAtBff(client: ManagementClient): Promise<BffSeen> {
  if (!client.hasBff) return {}
  try {
    return { keyrings: await listBffKeyrings(client), instances: await ifThere(listBffInstances(client)) }
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return { bffAway: error.message }
  }
}

async function lookAtAudit(client: ManagementClient, estate: Estate, shell: Shell): Promise<AuditSeen> {
  const from = new Date(shell.now() - dayMs).toISOString()
  const presented = async (action: Tripwire) => (await listEvents(client, { action, from }, mostTripwires)).events
  const tripwires = (await Promise.all(tripwireActions.map(presented))).flat()
  return { ...(await chainIntegrity(shell.fetch, idpsOf(estate))), tripwires }
}
