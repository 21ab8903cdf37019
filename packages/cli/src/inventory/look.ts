import { ifThere } from '../client/if-there.ts'
import { type Inventory, readInventory, type SecretView } from '../client/inventory.ts'
import type { ManagementClient } from '../client/management.ts'
import { CliError } from '../error.ts'

/** What `rekey inventory --json` prints. */
export interface InventoryView extends Omit<Inventory, 'problem'> {
  /** What could not be read, or is wrong with a file of declared secrets. */
  problems: string[]
}

/** The secrets of the IdP, and those of the backend for frontend: its absence is told, and keeps nobody from seeing the rest. */
export async function lookAtInventory(client: ManagementClient, limit: number): Promise<InventoryView> {
  const { problem, ...idp } = await readInventory(client, limit)
  const problems = problem === undefined ? [] : [`The identity provider says: ${problem}`]
  const bff = client.hasBff ? await ofBff(client, limit) : undefined
  if (bff === undefined) return { ...idp, problems }
  if (typeof bff === 'string') return { ...idp, problems: [...problems, bff] }
  if (bff.problem !== undefined) problems.push(`The backend for frontend says: ${bff.problem}`)
  const added = bff.secrets.filter((secret) => !isSaidTwice(secret, idp.secrets))
  return { ...idp, secrets: [...idp.secrets, ...added], totals: summed(idp.totals, added), problems }
}

async function ofBff(client: ManagementClient, limit: number): Promise<Inventory | string | undefined> {
  try {
    const found = await ifThere(readInventory(client, limit, 'bff'))
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
