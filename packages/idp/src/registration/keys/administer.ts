import { currentRevision } from '@rekey/database'
import { transact } from '@rekey/service'
import { requireMayBecome } from '../../agents/grant.ts'
import { thumbprintOf } from '../../credentials/key.ts'
import { IdpError, OAuthError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import type { IdpDatabase } from '../../tables.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { changeRegistration } from '../change.ts'
import type { HeldClient } from '../held.ts'
import { refused, type Validate } from '../judge.ts'
import { readKeySet } from '../key-set.ts'
import type { GivenMetadata } from '../metadata.ts'
import type { ClientKeySet } from '../stored.ts'
import { lookAt } from './look.ts'

export type GivenKeys = readonly Readonly<Record<string, unknown>>[]

/** Who changes the keys of which client, and on what condition. */
interface KeyChange {
  caller: Caller
  clientId: string
  ifMatch: string | undefined
}

/**
 * Changes the keys that a client registered, and returns when every instance goes by them.
 *
 * @param next says which they are to be from which they are
 * @throws IdpError `INVALID_CLIENT_METADATA`, `UNKNOWN_CLIENT`, `FORBIDDEN`, `INSUFFICIENT_SCOPE`, `AGENT_DECOMMISSIONED`,
 *   `PRECONDITION_FAILED`
 */
export async function changeKeys(
  instance: Instance,
  validate: Validate,
  { caller, clientId, ifMatch }: KeyChange,
  next: (held: HeldClient) => GivenKeys,
): Promise<HeldClient> {
  const change = (held: HeldClient): GivenMetadata => {
    // Whoever knows the other half of one of them can do what the client can.
    requireMayBecome(caller, held)
    const { jwks_uri: _elsewhere, ...metadata } = held.metadata
    return { ...metadata, scope: held.scopes.join(' '), jwks: { keys: [...next(held)] } } as GivenMetadata
  }
  const { client, revision } = await transact(instance.connection.db, (transaction) =>
    changeRegistration(instance, validate, transaction, clientId, change, { caller, ifMatch }),
  ).catch((error: unknown) => {
    throw error instanceof OAuthError ? new IdpError('INVALID_CLIENT_METADATA', error.message) : error
  })
  await instance.view.everywhere(revision)
  return client
}

/**
 * Those that a client has and, after them, those of the others that it does not have yet.
 *
 * @throws OAuthError `invalid_client_metadata` for one that is none, or where its keys lie at its `jwks_uri`
 */
export function withKeys({ metadata }: HeldClient, given: GivenKeys, most: number): GivenKeys {
  if (metadata.jwks_uri !== undefined) throw refused('the keys of this client lie at its jwks_uri: add one there')
  const held = metadata.jwks?.keys ?? []
  const isHeld = (jwk: ClientKeySet['keys'][number]) =>
    held.some((other) => other.kid === jwk.kid && thumbprintOf(other) === thumbprintOf(jwk))
  return [...held, ...readKeySet(given, most).keys.filter((jwk) => !isHeld(jwk))] as GivenKeys
}

/**
 * Reads a client's `jwks_uri` now, whatever the cool-down says, and returns when every instance goes by it.
 *
 * @throws IdpError `INVALID_CLIENT_METADATA` where it has none, `OUTBOUND_FAILED` with `facts.why` where it brings no keys
 */
export async function readKeysAgain(instance: Instance, client: HeldClient): Promise<void> {
  const { clientId, organizationId, profile, metadata } = client
  const { jwks_uri: uri } = metadata
  if (uri === undefined) throw new IdpError('INVALID_CLIENT_METADATA', 'give a key: this client has no jwks_uri')
  const publisher = { clientId, organizationId, profile, uri, knownAt: 0 }
  const first = await lookAt(instance, publisher, 0)
  const { why } = first.began === 'now' ? first : await lookAt(instance, publisher, 0)
  if (why !== undefined) {
    const message = `the jwks_uri of the client brings no keys that are of use: ${why}`
    throw new IdpError('OUTBOUND_FAILED', message, { facts: { why } })
  }
  await instance.view.everywhere((await currentRevision(instance.connection.db)).n)
}

/** The keys that a client may authenticate by: those that it registered, or those that its `jwks_uri` answered last. */
export async function keysOf(db: IdpDatabase, { clientId, metadata }: HeldClient): Promise<ClientKeySet> {
  const { jwks, jwks_uri: uri } = metadata
  if (jwks || uri === undefined) return jwks ?? { keys: [] }
  const row = await db
    .selectFrom('clients')
    .select('fetched_jwks')
    .where('client_id', '=', clientId)
    .where('fetch_uri', '=', uri)
    .executeTakeFirst()
  return row?.fetched_jwks ?? { keys: [] }
}
