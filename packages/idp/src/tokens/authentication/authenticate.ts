import { decodeUnverified } from '@rekey/verifier'
import type { FastifyRequest } from 'fastify'
import type { Client, HeldKey, HeldSecret } from '../../credentials/client.ts'
import { isGood } from '../../credentials/judge.ts'
import { tripped } from '../../credentials/tripwire.ts'
import { OAuthError } from '../../error.ts'
import type { Authorised } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { isKeySetStale, refetchFor } from '../../registration/keys/refetch.ts'
import type { Form } from '../form.ts'
import { judge, type Recognised, type Verdict } from './judge.ts'
import { NoCredential, type Presented, presentedBy } from './presented.ts'

/** A client that authenticated, and by which version of which credential. */
export interface Authenticated {
  client: Client
  held: HeldSecret | HeldKey
}

/** What a client's request carries, and where it came from. */
export interface Attempt {
  presented: Presented
  address: string
  /** Milliseconds since the epoch. */
  now: number
}

/**
 * Reads what a request presents. The audit is told of one that presents no credential at all.
 *
 * @param now milliseconds since the epoch
 * @throws OAuthError `invalid_client`, `invalid_request`
 */
export function attemptOf(
  { gathered }: Instance,
  { headers, ip: address }: Pick<FastifyRequest, 'headers' | 'ip'>,
  form: Form,
  now: number,
): Attempt {
  try {
    return { presented: presentedBy(headers.authorization, form), address, now }
  } catch (error) {
    if (error instanceof NoCredential) gathered.note({ ...failed, actor: 'unknown', cause: error.why, address })
    throw error
  }
}

/** Says which client calls: a refusal that follows stands in the audit under its name, and not as anybody's. */
export function setCaller(request: Authorised, { clientId, organizationId, scopes }: Client): void {
  request.caller = { clientId, organizationId, scopes: new Set(scopes) }
}

/**
 * Authenticates a client, at once where it is in memory and presented a good secret.
 *
 * Whatever is not good by what is in memory is judged by a read of the client that begins now: nobody is refused for what was
 * true a moment ago, and clients that are unknown, suspended or presented a wrong secret take the same way and time.
 *
 * @throws OAuthError `invalid_client`, the same for all that can be wrong; IdpError `RATE_LIMITED` instead when too many of
 *   one address failed, `OVERLOADED`
 */
export function authenticate(instance: Instance, attempt: Attempt): Authenticated | Promise<Authenticated> {
  return authenticateInMemory(instance, attempt) ?? authenticateAnew(instance, attempt)
}

/** The first half of it. @returns `undefined` when what is in memory does not say that it is good */
export function authenticateInMemory(instance: Instance, attempt: Attempt) {
  const client = instance.clients.known(attempt.presented.clientId)
  // Also where there is none: whether a client was in memory must not show in the time of a refusal.
  const verdict = judge(instance, attempt, client)
  if (!client || verdict.is !== 'good') return undefined
  if ('assertion' in attempt.presented && isKeySetStale(client, instance.view.databaseNow())) return undefined
  return admit(instance, attempt, client, verdict)
}

/** The second half. */
export async function authenticateAnew(instance: Instance, attempt: Attempt): Promise<Authenticated> {
  const client = await withNewestKeys(instance, attempt, await instance.clients.fresh(attempt.presented.clientId))
  const verdict = judge(instance, attempt, client)
  if (client && verdict.is === 'good') return admit(instance, attempt, client, verdict)
  if (client && verdict.is === 'dead') tripped(instance, client, verdict.held, attempt.address)
  return refuse(instance, attempt, client, causeOf(client, verdict))
}

/** Where they lie at a `jwks_uri`: what was published a moment ago is known here then, and what was withdrawn is not. */
async function withNewestKeys(
  instance: Instance,
  { presented }: Attempt,
  client: Client | undefined,
): Promise<Client | undefined> {
  if (!client || !('assertion' in presented)) return client
  const { kid } = decodeUnverified(presented.assertion)?.header ?? {}
  return refetchFor(instance, client, typeof kid === 'string' ? kid : undefined)
}

function admit(instance: Instance, attempt: Attempt, client: Client, verdict: Recognised) {
  const { held, jti, expiresAt } = verdict
  if (jti !== undefined && expiresAt !== undefined) {
    return admitOnce(instance, attempt, { client, held }, jti, expiresAt)
  }
  instance.uses.note(held, attempt.address)
  return { client, held }
}

/** Last of all: only a client's own good assertions are written down. */
async function admitOnce(
  instance: Instance,
  attempt: Attempt,
  authenticated: Authenticated,
  jti: string,
  expiresAt: number,
): Promise<Authenticated> {
  const { client } = authenticated
  instance.requireRoom()
  const isFirst = await instance.usedAssertions.useOnce(client.clientId, jti, expiresAt)
  if (!isFirst) return refuse(instance, attempt, client, 'replayed')
  return admitStill(instance, attempt, authenticated)
}

/**
 * Judges once more, by what is known now, whoever authenticated and then had to wait: meanwhile the credential may have been
 * revoked.
 *
 * @throws OAuthError `invalid_client`; IdpError `OVERLOADED`
 */
export async function admitStill(
  instance: Instance,
  attempt: Attempt,
  { client: { clientId }, held }: Authenticated,
): Promise<Authenticated> {
  const client = instance.clients.known(clientId) ?? (await instance.clients.fresh(clientId))
  const credentials = [...(client?.keys ?? []), ...(client?.secrets ?? [])]
  const now = credentials.find((each) => each.credentialId === held.credentialId && each.version === held.version)
  if (!client || !now) {
    const gone = 'secret' in attempt.presented ? {} : { cause: 'key_unknown' }
    return refuse(instance, attempt, client, causeOf(client, { is: 'unknown', ...gone }))
  }
  if (!isGood(now, instance.view.databaseNow())) {
    return refuse(instance, attempt, client, causeOf(client, { is: 'dead', held: now }))
  }
  instance.uses.note(now, attempt.address)
  return { client, held: now }
}

function causeOf(client: Client | undefined, verdict: Verdict): string {
  if (!client) return 'client_unknown'
  if (verdict.is === 'unknown') return verdict.cause ?? (client.hasLostSecret ? lost : 'secret_wrong')
  const { state } = verdict.held
  // The end of an overlap may be over before the loop writes that down.
  if (state === 'retiring') return 'retired'
  return state === 'active' || state === 'prepared' ? 'expired' : state
}

function refuse({ gathered, limits }: Instance, attempt: Attempt, client: Client | undefined, cause: string): never {
  const { presented, address } = attempt
  gathered.note({
    ...failed,
    actor: client?.clientId ?? 'unknown',
    ...(client ? {} : claimed(presented.clientId)),
    agentId: client?.clientId,
    organizationId: client?.organizationId,
    cause,
    address,
  })
  limits.failed(address)
  // Whoever presents the secret that was lost must not be told that it is wrong.
  if (cause === lost) throw new OAuthError('temporarily_unavailable', 'secrets of this client cannot be read')
  throw new OAuthError('invalid_client', cause === tooLong ? livesTooLong : 'client authentication failed')
}

const failed = { action: 'auth.failed', outcome: 'failed' } as const
const lost = 'secret_lost'
/** That is looked at last, when the signature has proved whose it is: his mistake may be told him. */
const tooLong = 'token_lifetime_too_long'
const livesTooLong = 'client authentication failed: the assertion lives longer than five minutes'

/** It may be the id of an agent that is suspended, or anything, a secret that was put in the wrong place too; ours are UUIDs. */
function claimed(clientId: string): { claims?: string } {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(clientId) ? { claims: clientId } : {}
}
