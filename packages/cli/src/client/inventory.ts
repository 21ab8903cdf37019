import { type ManagementClient, type Of, ownerOf, pathAt, type Scopes } from './management.ts'
import { readPages } from './pages.ts'

/** A secret of the inventory. Times are ISO 8601. */
export interface SecretView {
  name: string
  kind: string
  owner: string
  /** Whose service told of it. */
  of: 'idp' | 'bff'
  management: 'rekey' | 'declared' | 'unmanaged'
  age: string | null
  createdAt?: string
  rotatedAt?: string
  rotateEvery?: string
  /** `unmanaged`: nobody is known who would do it. */
  nextRotation: string
  overdueSince?: string
  expiresAt?: string
  agentId?: string
  environment?: string
  description?: string
}

/** How many there are, on all pages. */
export interface InventoryTotals {
  secrets: number
  unmanaged: number
  overdue: number
}

export interface Inventory {
  secrets: SecretView[]
  totals: InventoryTotals
  /** Set where there are more than were asked for. */
  nextCursor: string | null
  otherOrganizations?: { secrets: number; overdue: number }
  /** What is wrong with a file of declared secrets. */
  problem?: string
}

/** The estate's own secrets are told to whoever may see the keyrings. */
const withEstate = 'agents:read keyrings:read'

/** The secrets that the IdP tells of, at most so many: by `agents:read` alone those of one organization. */
export function readInventory(client: ManagementClient, limit: number, scope: Scopes = withEstate): Promise<Inventory> {
  return read(client, limit, scope)
}

/** The same of the backend for frontend. */
export function readBffInventory(client: ManagementClient, limit: number): Promise<Inventory> {
  return read(client, limit, 'keyrings:read', 'bff')
}

async function read(client: ManagementClient, limit: number, scope: Scopes, of?: Of): Promise<Inventory> {
  const failure = `the inventory${ownerOf(of)} cannot be read`
  const listing = { ...pathAt(of, '/inventory'), scope, query: {}, failure, limit } as const
  type Reply = Omit<Inventory, 'secrets'> & { secrets: Omit<SecretView, 'of'>[] }
  let facts: Pick<Reply, 'totals' | 'otherOrganizations' | 'problem'> | undefined
  const { entries, nextCursor } = await readPages(
    client,
    listing,
    ({ totals, otherOrganizations, problem, ...page }: Reply) => {
      facts = { totals, ...(otherOrganizations && { otherOrganizations }), ...(problem !== undefined && { problem }) }
      return page.secrets
    },
  )
  const secrets = entries.map((each) => ({ ...each, of: of ?? 'idp' }) as const)
  return { ...(facts ?? { totals: { secrets: 0, unmanaged: 0, overdue: 0 } }), secrets, nextCursor }
}
