import { randomUUID } from 'node:crypto'
import { recordChange } from '@rekey/database'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Transaction } from 'kysely'
import { admitAgain } from '../agents/admit-again.ts'
import { denyTokensOfAgent } from '../agents/end-tokens.ts'
import { agentTopic } from '../credentials/client.ts'
import { createCredential } from '../credentials/create.ts'
import { type Made, makeVersion } from '../credentials/make.ts'
import { OAuthError } from '../error.ts'
import { type Done, idempotent, longestReplyKeptMs, type Preparation } from '../http/idempotency.ts'
import type { Instance } from '../instance.ts'
import type { IdpTables } from '../tables.ts'
import { findRegistrationToken, newRegistrationToken } from './access-tokens/store.ts'
import { type AskedRegistration, type GivenRegistration, judgeRegistration } from './asked.ts'
import { createClient } from './create.ts'
import { refuseInitialToken } from './initial-tokens/bearer.ts'
import type { Validate } from './judge.ts'
import { isBySecret, signsBySecret } from './methods.ts'
import { etagOf, showRegistration } from './show.ts'

/** The reply to a registration, as it is kept for whoever lost it. */
interface Reply {
  etag: string
  body: ReturnType<typeof showRegistration>
}

/** A secret that is about to become a credential of that id. */
type Secret = Made & { credentialId: string }

type Asked = FastifyRequest<{ Body: GivenRegistration }>

/**
 * Registers a client by an initial access token. By the same Idempotency-Key it is registered once, and the reply is given once
 * more for a day, though the token is spent.
 *
 * @throws OAuthError `invalid_token`, `invalid_client_metadata`, `invalid_redirect_uri`, `invalid_scope`; IdpError `FORBIDDEN`,
 *   `IDEMPOTENCY_KEY_REUSED`, `VAULT_UNAVAILABLE`, `VAULT_REFUSED`
 */
export async function register(
  instance: Instance,
  validate: Validate,
  request: Asked,
  reply: FastifyReply,
): Promise<Reply['body']> {
  const { initialToken } = request
  const asked = await judgeRegistration(instance, validate, initialToken, request.body)
  const kept = { headers: request.headers, caller: request.caller, params: undefined, body: request.body }
  let isReplaced = false
  const noted = (done: Done<Reply>) => {
    isReplaced = done.revision > 0
    return done
  }
  const act = async (transaction: Transaction<IdpTables>, made: Secret | undefined) =>
    noted(await carryOut(instance, transaction, request, asked, made))
  const preparation = preparing(instance, request, asked)
  const confirm = async (done: Done<Reply>) => {
    await requireUnchanged(instance, done)
    // Whoever asks again may not have got the reply because what follows failed.
    noted(done)
  }
  const prepared = { ...preparation, confirm }
  const { etag, body } = await idempotent(instance, kept, 'register a client', act, prepared, longestReplyKeptMs)
  // Verifiers refuse what the client before was given; not until that is registered for certain are they told to take the new tokens.
  if (isReplaced) await admitAgain(instance, request.caller, asked.clientId, 'active')
  instance.metrics.registrations.inc({ outcome: 'registered' })
  reply.code(201).headers({ etag, 'cache-control': 'no-store' })
  return body
}

function preparing(
  instance: Instance,
  request: Asked,
  { clientId, metadata }: AskedRegistration,
): Preparation<Secret | undefined> {
  const { secrets } = instance
  const { initialToken } = request
  return {
    async make() {
      // Whoever asks by a token that is over asks for a reply that he lost; there is none.
      if (initialToken.over) refuseInitialToken(instance, request, initialToken, initialToken.over)
      if (!isBySecret(metadata)) return undefined
      const credentialId = randomUUID()
      const signs = signsBySecret(metadata)
      const made = await makeVersion(secrets, clientId, credentialId, 'client-secret', undefined, signs)
      return { ...made, credentialId }
    },
    async discard(secret) {
      if (secret) await secrets.discard(secret.material.publicPart)
    },
  }
}

/** @throws OAuthError `invalid_token` */
async function requireUnchanged({ connection }: Instance, { reply: { body } }: Done<Reply>): Promise<void> {
  const token = await findRegistrationToken(connection.db, body.registration_access_token)
  if (token?.state === 'active' && !token.isOver && token.status === 'active') return
  throw new OAuthError('invalid_token', 'what was registered by this Idempotency-Key has changed since')
}

async function carryOut(
  instance: Instance,
  transaction: Transaction<IdpTables>,
  { initialToken, caller }: Asked,
  asked: AskedRegistration,
  secret: Secret | undefined,
): Promise<Done<Reply>> {
  const { config } = instance
  const { clientId, scopes } = asked
  const token = newRegistrationToken()
  const registered = await createClient(transaction, config.oidc, initialToken, asked, token)
  if (secret) {
    const of = { agentId: clientId, credentialId: secret.credentialId, kind: 'client-secret' as const }
    await createCredential(transaction, config, { ...caller, scopes: new Set(scopes) }, of, secret, undefined)
  }
  // Nobody remembers who is not there: only what took the place of another need be told.
  const revision = registered.replaced ? await tellOf(registered.replaced) : 0
  const shown = { ...asked, registeredAt: registered.registeredAt }
  const told = secret && 'clientSecret' in secret.told ? secret.told.clientSecret : undefined
  const body = showRegistration(config, shown, token.token, told)
  return { revision, reply: { etag: etagOf(registered.revision), body } }

  // The tokens of one that was deleted are denied since then.
  function tellOf(replaced: 'active' | 'decommissioned'): Promise<number> {
    if (replaced === 'decommissioned') return recordChange(transaction, agentTopic, clientId)
    return denyTokensOfAgent(instance, transaction, clientId, caller.clientId)
  }
}
