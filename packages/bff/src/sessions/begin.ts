import { recordEvent } from '@rekey/database'
import { storable } from '@rekey/service'
import { sql, type Transaction } from 'kysely'
import { BffError } from '../error.ts'
import type { Claims, Tokens } from '../provider/provider.ts'
import type { BffTables } from '../tables.ts'
import { bindingOf, type Sender, userAgentOf } from './binding.ts'
import { type Borne, bytesOf, newBorne, sessionPurpose } from './borne.ts'
import { hasEnded } from './endings.ts'
import type { SessionParts } from './parts.ts'
import type { LiveSession } from './session.ts'
import { type KeptTokens, keptAfter, sealTokens } from './stored.ts'
import { timely } from './timely.ts'

/** OpenID Connect Core §2 allows 255 ASCII characters; PostgreSQL takes no U+0000. */
const subForm = /^[^\p{Cc}\p{Cs}]{1,255}$/u

/**
 * Writes a new session, with a token that nobody has seen before.
 *
 * @param since before that nobody asked for its tokens, by the clock of the database
 * @returns it, and what goes into the cookie
 * @throws BffError `LOGIN_REFUSED` where the provider does not say who it is, or has ended its own session meanwhile
 */
export async function beginSession(
  parts: SessionParts,
  sender: Sender,
  tokens: Tokens,
  since: number,
): Promise<{ session: LiveSession; cookie: string }> {
  const claims = requireClaims(tokens)
  const borne = newBorne()
  const kept = keptAfter(tokens, parts.clock(), { claims })
  const begun: Begun = { borne, kept, accessExpiresAt: tokens.accessExpiresAt }
  const { expiresAt, cookie } = await timely(
    parts,
    (transaction) => insertSession(transaction, parts, sender, begun),
    (transaction) => recordBeginning(transaction, begun, since),
  )
  return { session: { id: borne.id, sub: claims.sub, claims, accessToken: kept.accessToken, expiresAt }, cookie }
}

interface Begun {
  readonly borne: Borne
  readonly kept: KeptTokens
  readonly accessExpiresAt: number
}

/** @throws BffError `LOGIN_REFUSED` where the provider has ended its own session meanwhile */
async function recordBeginning(
  transaction: Transaction<BffTables>,
  { borne, kept: { claims } }: Begun,
  since: number,
): Promise<void> {
  if (await hasEnded(transaction, claims, since)) {
    throw new BffError('LOGIN_REFUSED', 'the session ended while it began; begin again')
  }
  await recordEvent(transaction, {
    action: 'session.begun',
    outcome: 'success',
    actor: claims.sub,
    details: storable({ session: borne.id, issuer: claims.iss, sid: claims.sid }),
  })
}

/** By the versions that are active now. */
async function insertSession(
  transaction: Transaction<BffTables>,
  { keyrings, sealer, config }: SessionParts,
  sender: Sender,
  { borne, kept, accessExpiresAt }: Begun,
): Promise<{ expiresAt: number; cookie: string }> {
  const { claims } = kept
  const keyring = keyrings.sealing('session')
  const sealedBy = keyring.activeId
  const binding = bindingOf(keyring, sender, sealedBy)
  if (binding === undefined) throw new TypeError('the active version makes no MAC')
  const salt = keyrings.salt('token-hash').active
  const analytics = keyrings.salt('ua-hash').active
  const row = await transaction
    .insertInto('sessions')
    .values({
      session_id: borne.id,
      token_hash: salt.hash(borne.token),
      salt_version: salt.id,
      sealed_by: sealedBy,
      binding,
      ua_hash: analytics.hash(userAgentOf(sender)),
      ua_version: analytics.id,
      issuer: claims.iss,
      sub: claims.sub,
      sid: claims.sid ?? null,
      client_id: clientOf(claims),
      sealed_tokens: sealTokens(sealer, borne.id, kept),
      access_expires_at: new Date(accessExpiresAt),
      refreshing_until: null,
      refreshing_by: null,
      created_at: sql<Date>`now()`,
      expires_at: sql<Date>`now() + ${config.sessions.lifetimeMs} * interval '1 millisecond'`,
    })
    .returning('expires_at')
    .executeTakeFirstOrThrow()
  return { expiresAt: row.expires_at, cookie: keyring.seal(sessionPurpose, bytesOf(borne)) }
}

function requireClaims({ claims }: Tokens): Claims {
  const isGood =
    claims !== undefined && subForm.test(claims.sub) && (claims.sid === undefined || subForm.test(claims.sid))
  if (!isGood) throw new BffError('LOGIN_REFUSED', 'the identity provider does not say who logged in')
  return claims
}

/** For whom the ID token is (OpenID Connect Core §2). */
function clientOf({ azp, aud }: Claims): string | null {
  const client = azp ?? (Array.isArray(aud) ? aud[0] : aud)
  return typeof client === 'string' ? storable(client) : null
}
