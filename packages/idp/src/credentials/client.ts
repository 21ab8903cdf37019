import { endOf, type State, type Version } from '@rekey/keyring'
import type { Jwk } from '@rekey/verifier'
import { sql } from 'kysely'
import { isOfEveryObject } from '../registration/client-id.ts'
import { registeredKeys } from '../registration/keys/held.ts'
import { signsBySecret } from '../registration/methods.ts'
import { type Registration, registrationColumns, registrationOf } from '../registration/stored.ts'
import type { IdpDatabase } from '../tables.ts'
import type { ClientSecrets } from './kept.ts'
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
  /** What it registered, where it came by registration. */
  registration?: Registration
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
  /** The secret itself, where its client signs by it. */
  secret?: Buffer
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
 * @param kept what is held of secrets, also of those that are kept outside the database
 * @throws IdpError `VAULT_UNAVAILABLE`
 */
export async function findClient(db: IdpDatabase, clientId: string, kept: Kept): Promise<Client | undefined> {
  // None registers by such a name; one that has it all the same is let in nowhere.
  if (isOfEveryObject(clientId)) return undefined
  // In one statement: it is the whole cost of a client that is not in memory.
  const rows = await db
    .selectFrom('agents')
    .leftJoin('credentials', 'credentials.agent_id', 'agents.agent_id')
    .leftJoin('clients', 'clients.client_id', 'agents.agent_id')
    .select(['organization_id', 'scopes', ...credentialColumns, ...registrationColumns])
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
  const registration = registrationOf(agent)
  const signs = signsBySecret(registration?.metadata)
  const secrets = await Promise.all(ofKind('client-secret').map((held) => heldSecret(held, kept, signs)))
  return {
    clientId,
    organizationId: agent.organization_id,
    scopes: agent.scopes,
    secrets: secrets.filter((secret) => secret !== undefined && secret !== 'lost'),
    keys: [...ofKind('client-key').map(heldKey), ...registeredKeys(clientId, registration)],
    ...(secrets.includes('lost') ? { hasLostSecret: true } : {}),
    ...(registration ? { registration } : {}),
  }
}

type Kept = Pick<ClientSecrets, 'hashOf' | 'secretOf'>

interface Of {
  credentialId: string
  version: Version
}

async function heldSecret(of: Of, kept: Kept, signs: boolean): Promise<HeldSecret | 'lost' | undefined> {
  const sha256 = await kept.hashOf(of.version)
  if (typeof sha256 !== 'object') return sha256
  const secret = signs ? await kept.secretOf(of.credentialId, of.version) : undefined
  return { ...heldVersion(of), sha256, ...(secret ? { secret } : {}) }
}

function heldKey(of: Of): HeldKey {
  const jwk = jwkOf(of.version)
  return { ...heldVersion(of), kid: jwk.kid, algorithm: jwk.alg, jwk: { ...jwk, use: 'sig' } }
}

function heldVersion({ credentialId, version }: Of): HeldVersion {
  return { credentialId, version: version.id, state: version.state, until: endOf(version) }
}
