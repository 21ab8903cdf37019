import { randomBytes } from 'node:crypto'
import { ensureClients, managementScopes } from '@rekey/idp'
import type { Home } from './home.ts'

/** A client's id and secret. */
export interface Credential {
  readonly clientId: string
  readonly clientSecret: string
}

/** Who takes part: an administrator, an agent that wants tokens, and verifiers. */
export interface Clients {
  readonly admin: Credential
  readonly agent: Credential
  readonly verifiers: readonly Credential[]
}

/** Registers the clients of a benchmark. */
export async function registerClients(home: Home, verifierCount: number): Promise<Clients> {
  const admin = newCredential('bench-admin')
  const agent = newCredential('bench-agent')
  const verifiers = Array.from({ length: verifierCount }, (_, i) => newCredential(`bench-verifier-${i + 1}`))
  await ensureClients(home.ownerUrl, {
    agents: [
      { ...admin, name: 'bench admin', scopes: managementScopes },
      { ...agent, name: 'bench agent', scopes: ['hello:read'] },
    ],
    verifiers: verifiers.map((verifier) => ({ ...verifier, name: verifier.clientId })),
  })
  return { admin, agent, verifiers }
}

/** HTTP Basic (RFC 7617); these ids and secrets have no character that RFC 6749 would have form-encoded. */
export function basic({ clientId, clientSecret }: Credential): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}

function newCredential(clientId: string): Credential {
  return { clientId, clientSecret: `sk_live_${randomBytes(32).toString('hex')}` }
}
