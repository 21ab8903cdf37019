import type { Client, HeldKey, HeldSecret } from '../../credentials/client.ts'
import { judgeSecret } from '../../credentials/judge.ts'
import { tripped } from '../../credentials/tripwire.ts'
import { OAuthError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import { judgeAssertion } from './assertion.ts'
import type { Presented } from './presented.ts'
import { useOnce } from './used.ts'

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

interface Recognised {
  is: 'good' | 'dead'
  held: HeldSecret | HeldKey
  /** Of an assertion. */
  jti?: string
  expiresAt?: number
}

type Verdict = Recognised | { is: 'unknown'; cause?: string }

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
  if (!client) return undefined
  const verdict = judge(instance, attempt, client)
  return verdict.is === 'good' ? admit(instance, attempt, client, verdict) : undefined
}

/** The second half. */
export async function authenticateAnew(instance: Instance, attempt: Attempt): Promise<Authenticated> {
  const client = await instance.clients.fresh(attempt.presented.clientId)
  const verdict = judge(instance, attempt, client)
  if (client && verdict.is === 'good') return admit(instance, attempt, client, verdict)
  if (client && verdict.is === 'dead') tripped(instance, client, verdict.held, attempt.address)
  return refuse(instance, attempt, client, causeOf(client, verdict))
}

function judge({ config }: Instance, { presented, now }: Attempt, client: Client | undefined): Verdict {
  if ('secret' in presented) return judgeSecret(presented.secret, client, now)
  const audiences = [config.issuer, `${config.issuer}/api/v1/token`]
  return judgeAssertion(presented.assertion, client, { audiences, skewMs: config.policy.skewMs }, now)
}

function admit(instance: Instance, attempt: Attempt, client: Client, verdict: Recognised) {
  const { held, jti, expiresAt } = verdict
  if (jti !== undefined && expiresAt !== undefined) {
    return admitOnce(instance, attempt, { client, held }, jti, expiresAt)
  }
  instance.uses.note(client.clientId, held, attempt.address)
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
  const { client, held } = authenticated
  instance.requireRoom()
  const isFirst = await useOnce(instance.connection.db, client.clientId, jti, expiresAt)
  if (!isFirst) return refuse(instance, attempt, client, 'replayed')
  instance.uses.note(client.clientId, held, attempt.address)
  return authenticated
}

function causeOf(client: Client | undefined, verdict: Verdict): string {
  if (!client) return 'client_unknown'
  if (verdict.is === 'unknown') return verdict.cause ?? 'secret_wrong'
  const { state } = verdict.held
  // The end of an overlap may be over before the loop writes that down.
  if (state === 'retiring') return 'retired'
  return state === 'active' || state === 'prepared' ? 'expired' : state
}

function refuse({ gathered, limits }: Instance, attempt: Attempt, client: Client | undefined, cause: string): never {
  const { presented, address } = attempt
  gathered.note({
    action: 'auth.failed',
    outcome: 'failed',
    actor: client?.clientId ?? nameable(presented.clientId),
    agentId: client?.clientId,
    organizationId: client?.organizationId,
    cause,
    address,
  })
  limits.failed(address)
  throw new OAuthError('invalid_client', 'client authentication failed')
}

/** Nobody's id may be anything, a secret that was put in the wrong place too; ours are UUIDs. */
function nameable(clientId: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(clientId) ? clientId : 'unknown'
}
