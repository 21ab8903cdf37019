import { isDeepStrictEqual } from 'node:util'
import { currentRevision, recordChange } from '@rekey/database'
import { sql, type Transaction } from 'kysely'
import { agentTopic } from '../credentials/client.ts'
import { closeSecrets } from '../credentials/revoke.ts'
import { IdpError } from '../error.ts'
import type { Instance } from '../instance.ts'
import type { IdpTables } from '../tables.ts'
import type { Caller } from '../tokens/opaque.ts'
import { profileNamed } from './asked.ts'
import { type HeldClient, lockClient } from './held.ts'
import { allowedScopes, judgeMetadata, refused, type Validate } from './judge.ts'
import { claimingKids, requireClaimed } from './key-set.ts'
import type { GivenMetadata } from './metadata.ts'
import { isBySecret, signsBySecret } from './methods.ts'
import { etagOf } from './show.ts'
import type { ClientMetadata } from './stored.ts'

/** Who changes a registration, and on what condition. */
export interface ChangeOf {
  caller: Caller
  /** As in the header If-Match; nothing where any state of it may be changed. */
  ifMatch?: string | undefined
}

/** A registration as a change left it, and the revision by which every instance goes by it. */
export interface ChangedRegistration {
  client: HeldClient
  revision: number
}

/**
 * Changes what a client registered, by the rules by which it was registered. Whatever it is changed for, its keys keep their names.
 * The transaction should have little left to do: this takes the lock that orders all changes.
 *
 * @param change says what it is to be, `scope` among it, from what it is; called while it stands still
 * @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri`, `invalid_scope`; IdpError `UNKNOWN_CLIENT`, `FORBIDDEN`,
 *   `AGENT_DECOMMISSIONED`, `PRECONDITION_FAILED`
 */
export async function changeRegistration(
  { config, profiles }: Pick<Instance, 'config' | 'profiles'>,
  validate: Validate,
  transaction: Transaction<IdpTables>,
  clientId: string,
  change: (held: HeldClient) => GivenMetadata | Promise<GivenMetadata>,
  { caller, ifMatch }: ChangeOf,
): Promise<ChangedRegistration> {
  const held = await lockClient(transaction, caller, clientId)
  requireMatch(ifMatch, held)
  if (held.status === 'decommissioned') throw new IdpError('AGENT_DECOMMISSIONED', 'the client was deleted')
  const given = await change(held)
  const profile = profileNamed(profiles, held.profile)
  const scopes = allowedScopes(given.scope, profile, held.scopes)
  const metadata = await judgeMetadata(given, clientId, profile, config.oidc, validate, held.metadata)
  requireSameSecret(held.metadata, metadata)
  const members = changedMembers({ ...held.metadata, scope: held.scopes }, { ...metadata, scope: scopes })
  // Whoever made it so may still be waiting for every instance to know.
  if (members.length === 0) return { client: held, revision: (await currentRevision(transaction)).n }
  const client = await save(transaction, held, { metadata, scopes })
  await endWhatIsOver(transaction, held, client, caller)
  const revision = await recordChange(transaction, agentTopic, clientId, {
    action: 'client.updated',
    outcome: 'success',
    actor: caller.clientId,
    agentId: clientId,
    organizationId: held.organizationId,
    details: { members, ...kidsChanged(held.metadata, metadata) },
  })
  return { client, revision }
}

/** @throws IdpError `PRECONDITION_FAILED` */
export function requireMatch(ifMatch: string | undefined, { revision }: Pick<HeldClient, 'revision'>): void {
  // RFC 9110 §13.1.1: a weak tag matches nothing here.
  const tags = ifMatch?.split(',').map((tag) => tag.trim())
  if (!tags || tags.includes('*') || tags.includes(etagOf(revision))) return
  throw new IdpError('PRECONDITION_FAILED', 'the registration changed since: read it, and change what it is now')
}

/** A secret is made at the registration, and told then; one that is to sign is kept in another way. */
function requireSameSecret(held: ClientMetadata, next: ClientMetadata): void {
  const needsOther = signsBySecret(next) ? !signsBySecret(held) : isBySecret(next) && !isBySecret(held)
  if (needsOther) throw refused('token_endpoint_auth_method: it would need a secret of that sort; register anew')
}

function changedMembers(held: Record<string, unknown>, next: Record<string, unknown>): string[] {
  const names = new Set([...Object.keys(held), ...Object.keys(next)])
  return [...names].filter((name) => !isDeepStrictEqual(held[name], next[name])).toSorted()
}

async function save(
  transaction: Transaction<IdpTables>,
  held: HeldClient,
  { metadata, scopes }: { metadata: ClientMetadata; scopes: string[] },
): Promise<HeldClient> {
  const { clientId } = held
  const isElsewhere = metadata.jwks_uri !== held.metadata.jwks_uri
  // Those that stay have their names.
  const added = { keys: metadata.jwks?.keys.filter((jwk) => !held.metadata.jwks?.keys.includes(jwk)) ?? [] }
  const saved = await transaction
    .with('claimed', () => sql<{ kid: string }>`(${claimingKids(clientId, added)})`)
    .updateTable('clients')
    .set({ metadata: JSON.stringify(metadata), revision: sql`revision + 1`, changed_at: sql`now()` })
    // What another address answered is not to be believed of this one.
    .$if(isElsewhere, (query) => query.set({ fetched_jwks: null, fetched_at: null }))
    .where('client_id', '=', clientId)
    .returning(['revision', 'changed_at'])
    .returning(sql<number>`(SELECT count(*) FROM claimed)`.as('claimed'))
    .executeTakeFirstOrThrow()
  requireClaimed(added, saved.claimed)
  const agent = { name: metadata.client_name ?? null, scopes }
  if (agent.name !== (held.metadata.client_name ?? null) || !isDeepStrictEqual(scopes, held.scopes)) {
    const update = transaction.updateTable('agents').set({ ...agent, changed_at: sql`now()` })
    await update.where('agent_id', '=', clientId).execute()
  }
  return { ...held, metadata, scopes, revision: saved.revision, changedAt: saved.changed_at }
}

/** Tokens of scopes that it has no more, and secrets that it does not authenticate by any more. */
async function endWhatIsOver(
  transaction: Transaction<IdpTables>,
  held: HeldClient,
  { clientId, scopes, metadata }: HeldClient,
  { clientId: actor }: Caller,
): Promise<void> {
  if (held.scopes.some((scope) => !scopes.includes(scope))) {
    await sql`
      DELETE FROM opaque_tokens
      WHERE agent_id = ${clientId} AND NOT string_to_array(scope, ' ') <@ ${scopes}::text[]`.execute(transaction)
  }
  if (!isBySecret(held.metadata) || isBySecret(metadata)) return
  await closeSecrets(transaction, clientId, { actor, reason: 'the client authenticates in another way' })
}

function kidsChanged({ jwks: held }: ClientMetadata, { jwks: next }: ClientMetadata) {
  const kidsOf = (set: ClientMetadata['jwks']) => (set?.keys ?? []).map(({ kid }) => kid)
  const [before, after] = [kidsOf(held), kidsOf(next)]
  const details = {
    kidsAdded: after.filter((kid) => !before.includes(kid)),
    kidsRemoved: before.filter((kid) => !after.includes(kid)),
  }
  return Object.fromEntries(Object.entries(details).filter(([, kids]) => kids.length > 0))
}
