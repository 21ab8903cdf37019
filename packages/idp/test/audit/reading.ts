/** What the tests of the audit have in common: a second organization, and the audit as it is read over HTTP. */
import type { ListedEvent } from '@rekey/database'
import { hashSecret } from '../../src/credentials/secret.ts'
import { admin, type Estate, eventually, type TestInstance } from '../estate.ts'

type Credential = typeof admin

/** A client of another organization, which may read the audit. */
export const tenant = { clientId: 'tenant-1', clientSecret: `sk_live_${'e'.repeat(64)}`, organizationId: 'acme' }

export const addTenant = (estate: Estate) => addClient(estate, tenant, ['agents:read', 'agents:write', 'audit:read'])

export async function addClient({ db }: Estate, client: typeof tenant, scopes: string[]): Promise<void> {
  const { clientId, clientSecret, organizationId } = client
  await db.insertInto('agents').values({ agent_id: clientId, organization_id: organizationId, scopes }).execute()
  await db
    .insertInto('credentials')
    .values({ credential_id: clientId, agent_id: clientId, secret_hash: hashSecret(clientSecret) })
    .execute()
}

/** Reads the audit as one client, with one token. */
export async function auditReader(idp: TestInstance, credential: Credential = admin) {
  const bearer = await idp.management(credential)
  const get = (path: string) => idp.manage('GET', path, undefined, bearer)

  async function page(
    query: Record<string, string> = {},
  ): Promise<{ events: ListedEvent[]; nextCursor: string | null }> {
    const reply = await get(`/api/v1/audit?${new URLSearchParams(query)}`)
    if (reply.status !== 200) throw new Error(`${reply.status} ${JSON.stringify(reply.body)}`)
    return reply.body
  }

  /** Everything that fits, page by page. */
  async function all(query: Record<string, string> = {}): Promise<ListedEvent[]> {
    const found: ListedEvent[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const read = await page({ limit: '200', ...query, ...(cursor ? { cursor } : {}) })
      found.push(...read.events)
      cursor = read.nextCursor
    }
    return found
  }

  /** Waits until there are so many. */
  const until = (query: Record<string, string>, count = 1) =>
    eventually(
      () => all(query),
      (events) => events.length >= count,
    )

  return { bearer, get, page, all, until }
}
