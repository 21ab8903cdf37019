import { transact } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { judgeSecret } from '../credentials/judge.ts'
import type { Instance } from '../instance.ts'
import { renewed } from './access-tokens/renew.ts'
import { changeRegistration } from './change.ts'
import type { HeldClient } from './held.ts'
import { refused, type Validate } from './judge.ts'
import { mergePatch } from './merge.ts'
import { clientMembers, type GivenMetadata } from './metadata.ts'
import { etagOf, showRegistration } from './show.ts'

/** RFC 7592 §2.2: what the server said is not for the client to say. */
const serverIssued = [
  'client_id_issued_at',
  'client_secret_expires_at',
  'registration_access_token',
  'registration_client_uri',
] as const
const refusedMembers = Object.fromEntries(
  serverIssued.map((name) => [name, z.unknown().optional().describe('Refused')]),
)
const managed = {
  client_profile: z.string().optional().describe('Its own; it stays as it was registered'),
  ...refusedMembers,
}

export const replacement = z.object({
  ...clientMembers,
  ...managed,
  client_id: z.string().describe('Its own'),
  client_secret: z.string().optional().describe('If it is sent, the one that is in use'),
})

const nullable = Object.fromEntries(Object.entries(clientMembers).map(([name, type]) => [name, type.nullable()]))
export const patch = z.object({
  ...nullable,
  ...managed,
  client_id: z.string().optional().describe('Its own'),
  client_secret: z.unknown().optional().describe('Refused: an administrator changes it'),
})

type Given = Readonly<Record<string, unknown>>
type Make = (held: HeldClient, body: Given) => GivenMetadata

/** PUT (RFC 7592 §2.2): what is not named falls back to its default. */
export const replaceAll: Make = (_held, { client_id, client_profile, client_secret, ...given }) => given

/** PATCH (RFC 7396): what is not named stays. Of the two ways to publish keys the one that is named takes the other's place. */
export const changeNamed: Make = (held, { client_id, client_profile, ...given }) => {
  if ('client_secret' in given) throw refused('client_secret: an administrator changes it')
  const current = { ...held.metadata, scope: held.scopes.join(' ') }
  const merged = mergePatch(current, given)
  const isNamed = (member: string) => given[member] !== undefined && given[member] !== null
  if (isNamed('jwks') && !isNamed('jwks_uri')) delete merged.jwks_uri
  if (isNamed('jwks_uri') && !isNamed('jwks')) delete merged.jwks
  return merged
}

/**
 * Changes a registration by its client's own token, and answers when every instance goes by the change.
 *
 * @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri`, `invalid_scope`, `invalid_token`; IdpError
 *   `PRECONDITION_FAILED`
 */
export async function updateRegistration(
  instance: Instance,
  validate: Validate,
  request: FastifyRequest,
  reply: FastifyReply,
  make: Make,
): Promise<ReturnType<typeof showRegistration>> {
  const { caller, registrationToken: bearer, headers } = request
  const body = request.body as Given
  requireOwn(body, bearer.clientId)
  if (typeof body.client_secret === 'string') await requireCurrentSecret(instance, bearer.clientId, body.client_secret)
  const { client, revision, token } = await transact(instance.connection.db, async (transaction) => {
    let token = bearer.token
    const change = async (held: HeldClient) => {
      requireOwnProfile(body, held)
      token = await renewed(transaction, instance, bearer)
      return make(held, body)
    }
    const of = { caller, ifMatch: headers['if-match'] }
    const changed = await changeRegistration(instance, validate, transaction, bearer.clientId, change, of)
    return { ...changed, token }
  })
  await instance.view.everywhere(revision)
  instance.metrics.registrations.inc({ outcome: 'changed' })
  reply.headers({ etag: etagOf(client.revision), 'cache-control': 'no-store' })
  return showRegistration(instance.config, client, token)
}

function requireOwn(body: Given, clientId: string): void {
  for (const name of serverIssued) if (name in body) throw refused(`${name}: this server says it, and no client`)
  if (body.client_id === undefined || body.client_id === clientId) return
  throw refused('client_id: it is that of another client')
}

function requireOwnProfile({ client_profile: named }: Given, { profile }: HeldClient): void {
  if (named !== undefined && named !== profile) throw refused('client_profile: it stays as it was registered')
}

/** RFC 7592 §2.2: a client may say its secret, and not choose one. */
async function requireCurrentSecret({ clients, view }: Instance, clientId: string, secret: string): Promise<void> {
  const verdict = judgeSecret(secret, await clients.fresh(clientId), view.databaseNow())
  if (verdict.is !== 'good') throw refused('client_secret: it is not the one in use, and no client chooses its own')
}
