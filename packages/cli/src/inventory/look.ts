import { ifAllowed, ifThere } from '../client/if-there.ts'
import { type Inventory, readBffInventory, readInventory, type SecretView } from '../client/inventory.ts'
import type { ManagementClient } from '../client/management.ts'
import { CliError } from '../error.ts'

/** What `rekey inventory --json` prints. */
export interface InventoryView extends Omit<Inventory, 'problem'> {
  /** What could not be read, or may not be, or is wrong with a file of declared secrets. */
  problems: string[]
}

/** The secrets of the IdP, and those of the backend for frontend: its absence is told, and keeps nobody from seeing the rest. */
export async function lookAtInventory(client: ManagementClient, limit: number): Promise<InventoryView> {
  const problems: string[] = []
  const { problem, ...idp } = await ofIdp(client, limit, () => problems.push(leftOut))
  if (problem !== undefined) problems.push(`The identity provider says: ${problem}`)
  const bff = client.hasBff ? await ofBff(client, limit) : undefined
  if (bff === undefined) return { ...idp, problems }
  if (typeof bff === 'string') return { ...idp, problems: [...problems, bff] }
  if (bff.problem !== undefined) problems.push(`The backend for frontend says: ${bff.problem}`)
  const added = bff.secrets.filter((secret) => !isSaidTwice(secret, idp.secrets))
  return { ...idp, secrets: [...idp.secrets, ...added], totals: summed(idp.totals, added), problems }
}

const leftOut =
  'What belongs to no organization is left out (keyrings, root keys, verifiers, variables, declared secrets): ' +
  'this client may not have keyrings:read.'

/** Whoever may not see the estate's own sees those of his organization. */
async function ofIdp(client: ManagementClient, limit: number, onLeftOut: () => void): Promise<Inventory> {
  const whole = await ifAllowed(readInventory(client, limit), onLeftOut)
  return whole ?? (await readInventory(client, limit, 'agents:read'))
}

async function ofBff(client: ManagementClient, limit: number): Promise<Inventory | string | undefined> {
  try {
    const found = await ifThere(readBffInventory(client, limit))
    return found ?? 'The backend for frontend has no inventory: it is of an earlier release.'
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return `The backend for frontend does not tell of its secrets: ${error.message}`
  }
}

/** One file may be given to both. */
function isSaidTwice(secret: SecretView, others: readonly SecretView[]): boolean {
  return (
    secret.management === 'declared' && others.some((each) => each.name === secret.name && each.kind === secret.kind)
  )
}

function summed(totals: Inventory['totals'], added: readonly SecretView[]): Inventory['totals'] {
  return {
    secrets: totals.secrets + added.length,
    unmanaged: totals.unmanaged + added.filter(({ management }) => management === 'unmanaged').length,
    overdue: totals.overdue + added.filter(({ overdueSince }) => overdueSince !== undefined).length,
  }
}
