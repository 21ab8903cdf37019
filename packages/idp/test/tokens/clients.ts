/** Clients of several organizations, made before any instance runs. */
import type { Keyring, State } from '@rekey/keyring'
import { sql } from 'kysely'
import { ensureClients } from '../../src/index.ts'
import {
  type admin,
  basic,
  decodeUnverified,
  type Estate,
  eventually,
  type Reply,
  type TestInstance,
} from '../estate.ts'

const secret = (digit: string) => `sk_live_${digit.repeat(64)}`

/** May ask about tokens, and nothing else. */
export const asking = { clientId: 'asking-1', clientSecret: secret('1') }
/** Of the same organization as all others. */
export const colleague = { clientId: 'colleague-1', clientSecret: secret('2') }
/** Of another organization, with every right in it. */
export const stranger = { clientId: 'stranger-1', clientSecret: secret('3') }

export async function addClients({ database, db }: Estate): Promise<void> {
  await ensureClients(database.ownerUrl, {
    agents: [
      { ...asking, name: 'asking', scopes: ['tokens:read', 'reports:read'] },
      { ...colleague, name: 'colleague', scopes: ['reports:read'] },
      { ...stranger, name: 'stranger', scopes: ['tokens:read', 'agents:write', 'reports:read'] },
    ],
    verifiers: [],
  })
  await db.updateTable('agents').set({ organization_id: 'acme' }).where('agent_id', '=', stranger.clientId).execute()
}

/** Posts a form by HTTP Basic, or as the header says. */
export function post(
  idp: TestInstance,
  endpoint: 'introspect' | 'revoke',
  form: Record<string, string>,
  by: typeof admin | string | null,
): Promise<Reply> {
  const headers: Record<string, string> = {}
  if (by !== null) headers.authorization = typeof by === 'string' ? by : basic(by)
  return idp.call(`/api/v1/token/${endpoint}`, { method: 'POST', headers, body: new URLSearchParams(form) })
}

/** What the audit says of an action, newest last. */
export async function eventsOf({ db }: Estate, action: string) {
  return db
    .selectFrom('audit_events')
    .select(['action', 'outcome', 'actor', 'agent_id', 'organization_id', 'details'])
    .where('action', '=', action)
    .orderBy('at')
    .execute()
}

/** While it runs, nobody can read who is a client and which tokens are stored: whoever wants to waits. */
export function whileLocked<T>({ db }: Estate, run: () => Promise<T>): Promise<T> {
  return db.transaction().execute(async (transaction) => {
    await sql`LOCK TABLE agents, credentials, verifiers, opaque_tokens IN ACCESS EXCLUSIVE MODE`.execute(transaction)
    return run()
  })
}

/** Another key signs from now on, and the one that signed this token is retired before its time. */
export async function retireKeyOf(idp: TestInstance, token: string): Promise<void> {
  const { store, view } = idp.idp.instance
  const { kid } = decodeUnverified(token).header
  const about = { action: 'keyring.retired', actor: 'test', details: {} }
  const saved = await eventually(
    async () => {
      // The loop may change it at any moment: each attempt begins with what stands now.
      const keyring = (await store.list()).find(({ versions }) => versions.some(({ id }) => id === kid)) as Keyring
      const next = withoutKey(keyring, kid)
      return next && store.save(keyring, next, about)
    },
    (keyring) => keyring !== undefined,
  )
  await view.everywhere((saved as Keyring).revision)
}

/** @returns `undefined` while there is none to sign in its place */
function withoutKey(keyring: Keyring, kid: string): Keyring | undefined {
  const successor = keyring.versions.find(({ state }) => state === 'prepared')?.id
  const stateOf = ({ id, state }: Keyring['versions'][number]): State => {
    if (id === kid) return 'retired'
    return id === successor ? 'active' : state
  }
  const wasActive = keyring.versions.some(({ id, state }) => id === kid && state === 'active')
  if (!wasActive || successor === undefined) return undefined
  return { ...keyring, versions: keyring.versions.map((version) => ({ ...version, state: stateOf(version) })) }
}
