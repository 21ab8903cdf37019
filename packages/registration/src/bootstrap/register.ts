import { createHash } from 'node:crypto'
import type { Credentials } from '../files/credentials.ts'
import type { PendingRegistration } from '../files/pending.ts'
import type { Jwk } from '../keys/jwk.ts'
import { type Addresses, discover } from '../provider/addresses.ts'
import { iatMissing, iatRefused, isSuspended, refusal, suspended } from '../provider/refusal.ts'
import type { Reply } from '../provider/request.ts'
import type { Context } from './context.ts'
import type { Earlier } from './earlier.ts'
import { setWith } from './publication.ts'
import { chooseSigning, kidIn, publicJwk, type Signing, settleKey } from './signing.ts'

/** A new registration and the key that it was made with. */
export interface Made {
  readonly credentials: Credentials
  readonly signing: Signing
  readonly metadata: Readonly<Record<string, unknown>>
  /** The set in the file, where that is what is registered. */
  readonly served: readonly Jwk[] | undefined
}

/**
 * Registers with the initial access token. The order of the writes makes a crash between any two of them harmless: the key and the request
 * lie on disk before it is sent, and a start that finds them sends the same request again under the same Idempotency-Key, which uses no second
 * token; the credentials are stored first, then the key takes its place. `earlier` are the keys in the file behind a jwks_uri.
 */
export async function register(context: Context, replaced: Credentials | undefined, earlier: Earlier): Promise<Made> {
  const { options, folder, ports } = context
  if (options.initialAccessToken === undefined) throw missing(options, replaced)
  const signing = await chooseSigning(context, [])
  const served = options.jwksUri === undefined ? undefined : await setWith(context, signing, earlier.kept)
  const dropped = earlier.dropped.filter((key) => kidIn([key], signing.key) === undefined)
  if (served !== undefined) await folder.publish({ keys: [...dropped, ...served] })
  const addresses = await discover(context.send, options.idpUrl)
  const pending = await pendingFor(context, signing)
  const reply = await post(context, addresses, pending)
  const credentials = credentialsIn(context, reply, addresses, signing)
  await context.assertHeld()
  // Before the registration is known here: a start after a crash comes by again.
  if (served !== undefined && dropped.length > 0) await folder.publish({ keys: served })
  await folder.saveCredentials(credentials)
  await settleKey(context, { ...signing, kid: kidOf(pending, signing) })
  await folder.endPending()
  ports.log('info', `Registered as client ${credentials.client_id}.`)
  if (replaced !== undefined && ![credentials.client_id, options.clientId].includes(replaced.client_id))
    ports.log('warn', stays(replaced.client_id))
  return { credentials, signing: { ...signing, kid: kidOf(pending, signing) }, metadata: reply.body, served }
}

function missing({ credentials, clientProfile }: Context['options'], replaced: Credentials | undefined) {
  if (replaced !== undefined) {
    const keeps = `rekey dcr token create bff --client ${replaced.client_id}: without --client the client_id changes`
    return iatMissing('DCR_FORCE_REPLACE is true', keeps)
  }
  const profile = clientProfile === undefined ? '' : ` --profile ${clientProfile}`
  return iatMissing(`There is no registration in ${credentials}`, `rekey dcr token create bff${profile}`)
}

// The kid as it was sent: an earlier start may have had another BFF_KID.
function kidOf({ body }: PendingRegistration, { kid }: Signing): string {
  const sent = (body.jwks as { keys?: { kid?: string }[] } | undefined)?.keys?.[0]?.kid
  return sent ?? kid
}

async function pendingFor({ options, folder }: Context, signing: Signing): Promise<PendingRegistration> {
  const earlier = await folder.pending()
  if (earlier?.thumbprint === signing.key.thumbprint) return earlier
  const body = metadataOf(options, signing)
  const pending = pendingOf(options, body, signing.key.thumbprint)
  await folder.savePending(pending)
  return pending
}

// By the thumbprint, because a jwks_uri names no key: a registration anew must not be answered by the reply to the one that is gone.
function pendingOf({ initialAccessToken = '' }: Context['options'], body: Record<string, unknown>, thumbprint: string) {
  const text = [initialAccessToken, thumbprint, JSON.stringify(body)].join('\n')
  return { idempotency_key: createHash('sha256').update(text).digest('base64url'), body, thumbprint }
}

/** What a new client is to be. The profile decides what is not said; without one, a client without redirect URIs has no login. */
function metadataOf(options: Context['options'], signing: Signing): Record<string, unknown> {
  const { clientId, clientProfile, redirectUris, jwksUri } = options
  const machine = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }
  return {
    token_endpoint_auth_method: 'private_key_jwt',
    ...(clientId === undefined ? {} : { client_id: clientId }),
    ...(clientProfile === undefined ? {} : { client_profile: clientProfile }),
    ...(redirectUris.length > 0 ? { redirect_uris: redirectUris } : clientProfile === undefined ? machine : {}),
    ...options.metadata,
    ...(jwksUri === undefined ? { jwks: { keys: [publicJwk(signing)] } } : { jwks_uri: jwksUri }),
  }
}

async function post(
  context: Context,
  { registration }: Pick<Addresses, 'registration'>,
  pending: PendingRegistration,
): Promise<Reply> {
  await context.assertHeld()
  const reply = await sendOnce(context, registration, pending.body, pending.idempotency_key)
  if (isTaken(context, reply, pending.body)) return postWithoutWish(context, registration, pending)
  if (reply.status < 300 && typeof reply.body.client_id === 'string') return reply
  // What was refused must not be sent again by the next start, when the environment is corrected.
  await context.folder.endPending()
  if (isSuspended(reply)) throw suspended(reply, String(pending.body.client_id ?? 'CLIENT'))
  throw reply.status === 401 || reply.status === 403 ? iatRefused(reply) : refusal(reply, 'the registration')
}

function sendOnce({ options, send }: Context, url: string, body: unknown, idempotencyKey: string): Promise<Reply> {
  return send({
    method: 'POST',
    url,
    token: options.initialAccessToken,
    headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
    body: JSON.stringify(body),
  })
}

function isTaken({ options }: Context, { status, excerpt }: Reply, body: Record<string, unknown>): boolean {
  return options.forceReplace && status === 400 && body.client_id !== undefined && /client_id/.test(excerpt)
}

async function postWithoutWish(context: Context, url: string, pending: PendingRegistration): Promise<Reply> {
  const { client_id: wish, ...body } = pending.body
  context.ports.log('warn', `The client_id ${wish} is taken, and DCR_IAT is not for it: the new one gets another.`)
  context.ports.log('warn', stays(String(wish)))
  const again = pendingOf(context.options, body, pending.thumbprint)
  await context.folder.savePending(again)
  return post(context, { registration: url }, again)
}

function credentialsIn(
  { options, ports }: Context,
  { body }: Reply,
  { issuer }: Addresses,
  { kid }: Signing,
): Credentials {
  const text = (name: string) => (typeof body[name] === 'string' ? body[name] : undefined)
  return {
    client_id: text('client_id') ?? '',
    registration_access_token: text('registration_access_token'),
    registration_client_uri: text('registration_client_uri'),
    registration_access_token_at: Math.floor(ports.now() / 1000),
    issuer: issuer ?? options.idpUrl,
    kid,
    ...(options.forceReplace ? { replaced_with: markOf(options.initialAccessToken) } : {}),
  }
}

// Others may still run by it, and their users' refresh tokens hang on it: only people know when it is of no more use.
const stays = (clientId: string): string =>
  `The registration of ${clientId} stays as it is, for whoever still runs by it. When nobody does, an administrator removes it: rekey dcr client remove ${clientId}`

/** Tells initial access tokens apart without keeping them. */
export function markOf(token: string | undefined): string | undefined {
  return token === undefined ? undefined : createHash('sha256').update(token).digest('base64url').slice(0, 16)
}
