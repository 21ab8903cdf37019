import { endOf, type State, type Version } from '@rekey/keyring'
import type { Jwk } from '@rekey/verifier'
import { sql } from 'kysely'
import type { IdpDatabase } from '../tables.ts'
import type { HashOf } from './kept.ts'
import { jwkOf } from './public-part.ts'
import { type CredentialColumns, credentialColumns, storedOf } from './stored.ts'

/** A client as the token endpoint knows it: an agent that is active, and everything that it may authenticate by. */
export interface Client {
  clientId: string
  organizationId: string
  scopes: readonly string[]
  /** Of all its credentials of the kind `client-secret`: what is accepted, and what was once, by which thieves are noticed. */
  secrets: readonly HeldSecret[]
  /** Of all its credentials of the kind `client-key`, the same. */
  keys: readonly HeldKey[]
  /** A secret that is accepted has gone from where it was kept: one that is not known may be that one. */
  hasLostSecret?: true
}

/** One version of a credential. */
interface HeldVersion {
  credentialId: string
  /** Its id in the credential's keyring. */
  version: string
  state: State
  /** From then on it is not accepted, whatever its state says: expiry, or the end of an overlap. Milliseconds since the epoch. */
  until: number | null
}

export interface HeldSecret extends HeldVersion {
  sha256: Buffer
}

export interface HeldKey extends HeldVersion {
  kid: string
  algorithm: string
  /** Imported where a signature is held against it, and not before: whoever fails has all of a client's keys read anew. */
  jwk: Jwk
}

/** The topic under which a change to an agent or its credentials is announced; the key is the agent's id. */
export const agentTopic = 'agent'

/** Of the revoked ones the oldest are no tripwires any more: what is held of one client must have an end. */
const mostCredentials = 100

/**
 * Reads an active agent and its credentials. It may have none.
 *
 * @param hashOf of a secret, also of one that is kept outside the database
 * @throws IdpError `VAULT_UNAVAILABLE`
 */
export async function findClient(db: IdpDatabase, clientId: string, hashOf: HashOf): Promise<Client | undefined> {
  // In one statement: it is the whole cost of a client that is not in memory.
  const rows = await db
    .selectFrom('agents')
    .leftJoin('credentials', 'credentials.agent_id', 'agents.agent_id')
    .select(['organization_id', 'scopes', ...credentialColumns])
    .where('agents.agent_id', '=', clientId)
    .where('agents.status', '=', 'active')
    .orderBy(sql`credentials.status = 'active'`, 'desc')
    .orderBy('credentials.created_at', 'desc')
    .limit(mostCredentials)
    .execute()
  const [agent] = rows
  if (!agent) return undefined
  // What is good comes last: a secret that was revoked once may have been given back by the operator's configuration.
  const stored = rows
    .reverse()
    .flatMap((row) => (row.credential_id === null ? [] : [storedOf(row as CredentialColumns)]))
  const ofKind = (kind: string) =>
    stored
      .filter((credential) => credential.kind === kind)
      .flatMap(({ credentialId, keyring }) => keyring.versions.map((version) => ({ credentialId, version })))
  const secrets = await Promise.all(ofKind('client-secret').map((held) => heldSecret(held, hashOf)))
  return {
    clientId,
    organizationId: agent.organization_id,
    scopes: agent.scopes,
    secrets: secrets.filter((secret) => secret !== undefined && secret !== 'lost'),
    keys: ofKind('client-key').map(heldKey),
    ...(secrets.includes('lost') ? { hasLostSecret: true } : {}),
  }
}

interface Of {
  credentialId: string
  version: Version
}

async function heldSecret(of: Of, hashOf: HashOf): Promise<HeldSecret | 'lost' | undefined> {
  const sha256 = await hashOf(of.version)
  return typeof sha256 === 'object' ? { ...heldVersion(of), sha256 } : sha256
}

function heldKey(of: Of): HeldKey {
  const jwk = jwkOf(of.version)
  return { ...heldVersion(of), kid: jwk.kid, algorithm: jwk.alg, jwk: { ...jwk, use: 'sig' } }
}

function heldVersion({ credentialId, version }: Of): HeldVersion {
  return { credentialId, version: version.id, state: version.state, until: endOf(version) }
}
