import { randomBytes, randomUUID } from 'node:crypto'
import { databaseNow } from '@rekey/database'
import { type App, iso, isoIfSet, lineOf, nextCursor, pageOf, pageQuery, positionOf, time } from '@rekey/service'
import { type Selectable, sql } from 'kysely'
import { z } from 'zod'
import { record } from '../../audit/record.ts'
import { hashSecret } from '../../credentials/secret.ts'
import { IdpError } from '../../error.ts'
import { requireScope } from '../../http/authorise.ts'
import { isAfter, microsecondsOf, timedPosition } from '../../http/timed-place.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import type { IdpTables } from '../../tables.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { initialTokenPrefix } from '../initial-tokens/store.ts'
import { requireBindable } from './bindable.ts'

const tags = ['registration']
const aYear = 31_536_000
const mostUses = z.number().int().min(1).max(1_000_000)

const asked = z.strictObject({
  label: lineOf(200).describe('For whom it is'),
  expires_in: z.number().int().min(1).max(aYear).default(86_400).describe('Seconds'),
  max_usages: mostUses.optional().describe('How many clients may be registered by it; 1 where nothing is said'),
  max_uses: mostUses.optional().describe('Another name for max_usages'),
  client_profile: lineOf(100).optional().describe('The only profile that it is good for'),
  client_id: lineOf(100)
    .optional()
    .describe('The only client that it is good for; one that is registered is registered anew. This needs dcr.admin'),
})
const members = {
  id: z.string(),
  label: z.string(),
  created_at: time,
  created_by: z.string(),
  expires_at: time,
  max_usages: z.number().int(),
  used: z.number().int(),
  client_profile: z.string().optional(),
  client_id: z.string().optional(),
}
const shown = z.object({
  ...members,
  status: z.enum(['active', 'spent', 'expired', 'revoked']),
  revoked_at: time.optional(),
})
const made = z.object({ ...members, token: z.string().describe('Never shown again') })

type Row = Selectable<IdpTables['initial_access_tokens']>

/** Initial access tokens (RFC 7591 §3). */
export function initialTokenRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const path = '/api/admin/dcr/initial-access-tokens'
  const scopes = ['admin.api', 'dcr.register'] as const
  const write = { onRequest: requireScope(instance, scopes, { whileFrozen: 'refused' }) }
  const always = { onRequest: requireScope(instance, scopes, { whileFrozen: 'allowed' }) }

  const create = {
    tags,
    summary: 'Make an initial access token',
    body: asked,
    response: { 201: made },
    refuses: codes('INVALID_CLIENT_METADATA'),
  }
  app.post(path, { ...write, schema: create }, async ({ caller, body }, reply) => {
    const token = initialTokenPrefix + randomBytes(32).toString('base64url')
    const row = await createToken(instance, caller, body, token)
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ ...shownMembers(row), token })
  })

  const list = {
    tags,
    summary: 'List the initial access tokens of your organization',
    querystring: z.object(pageQuery),
    response: { 200: z.object({ initial_access_tokens: z.array(shown), nextCursor }) },
  }
  app.get(path, { ...always, schema: list }, async ({ caller, query: { limit, cursor } }) => {
    const after = positionOf(cursor, timedPosition)
    const now = await databaseNow(db)
    let query = db
      .selectFrom('initial_access_tokens')
      .selectAll()
      .select(microsecondsOf('created_at').as('created'))
      .where('organization_id', '=', caller.organizationId)
    if (after) query = query.where(isAfter('created_at', 'token_id', after))
    const rows = await query
      .orderBy('created_at')
      .orderBy('token_id')
      .limit(limit + 1)
      .execute()
    const page = pageOf(rows, limit, ({ created, token_id }) => [created, token_id])
    return { initial_access_tokens: page.rows.map((row) => showToken(row, now)), nextCursor: page.nextCursor }
  })

  const revoke = {
    tags,
    summary: 'Revoke an initial access token',
    params: z.object({ tokenId: lineOf(100) }),
    response: { 204: z.null() },
    refuses: codes('UNKNOWN_INITIAL_ACCESS_TOKEN'),
  }
  app.delete(`${path}/:tokenId`, { ...always, schema: revoke }, async ({ caller, params }, reply) => {
    await revokeToken(instance, caller, params.tokenId)
    return reply.code(204).send(null)
  })
}

/** @throws IdpError `INSUFFICIENT_SCOPE`, `INVALID_CLIENT_METADATA` */
async function createToken(
  instance: Instance,
  caller: Caller,
  given: z.infer<typeof asked>,
  token: string,
): Promise<Row> {
  const { label, expires_in: seconds, max_usages, max_uses, client_profile: profile, client_id: clientId } = given
  return instance.connection.db.transaction().execute(async (transaction) => {
    await requireBindable(instance, transaction, caller, { profile, clientId })
    const row = await transaction
      .insertInto('initial_access_tokens')
      .values({
        token_id: randomUUID(),
        token_hash: hashSecret(token),
        organization_id: caller.organizationId,
        label,
        profile: profile ?? null,
        client_id: clientId ?? null,
        max_usages: max_usages ?? max_uses ?? 1,
        created_by: caller.clientId,
        expires_at: sql<Date>`now() + ${seconds} * interval '1 second'` as never,
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    const { id, ...details } = shownMembers(row)
    await record(transaction, caller, 'initial_access_token.created', { initialAccessToken: id, ...details })
    return row
  })
}

/** One that is revoked already stays as it is, so that a lost reply can be asked for again. */
async function revokeToken({ connection }: Instance, caller: Caller, tokenId: string): Promise<void> {
  await connection.db.transaction().execute(async (transaction) => {
    const row = await transaction
      .selectFrom('initial_access_tokens')
      .select(['revoked_at', 'used'])
      .where('token_id', '=', tokenId)
      .where('organization_id', '=', caller.organizationId)
      .forUpdate()
      .executeTakeFirst()
    if (!row) throw new IdpError('UNKNOWN_INITIAL_ACCESS_TOKEN', 'there is no such initial access token')
    if (row.revoked_at !== null) return
    await transaction
      .updateTable('initial_access_tokens')
      .set({ revoked_at: sql`now()` })
      .where('token_id', '=', tokenId)
      .execute()
    const details = { initialAccessToken: tokenId, used: row.used }
    await record(transaction, caller, 'initial_access_token.revoked', details)
  })
}

function shownMembers(row: Row) {
  return {
    id: row.token_id,
    label: row.label,
    created_at: iso(row.created_at),
    created_by: row.created_by,
    expires_at: iso(row.expires_at),
    max_usages: row.max_usages,
    used: row.used,
    client_profile: row.profile ?? undefined,
    client_id: row.client_id ?? undefined,
  }
}

function showToken(row: Row, now: number): z.infer<typeof shown> {
  const { revoked_at: revokedAt } = row
  const isOver = row.expires_at <= now ? 'expired' : row.used >= row.max_usages ? 'spent' : 'active'
  return {
    ...shownMembers(row),
    status: revokedAt === null ? isOver : 'revoked',
    revoked_at: isoIfSet(revokedAt ?? undefined),
  }
}
