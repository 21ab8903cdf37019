import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { recordEvent } from '@rekey/database'
import { ServiceError, storable, transact } from '@rekey/service'
import { sql } from 'kysely'
import type { Bff } from '../bff.ts'
import { plainPath } from './path.ts'

/** What a link is to be good for. */
export interface LinkWish {
  /** Of this BFF, with or without a query; the link is good for it and for what lies below it. */
  readonly path: string
  /** Whom it is for, and what else is known of him: passed on to whoever serves the path, in headers. */
  readonly sub?: string | undefined
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  readonly ttlMs?: number | undefined
}

const tokenBytes = 32

/**
 * Makes a link that is good once. Its token is nowhere else: only a hash of it is stored.
 *
 * @param actor for the audit
 * @throws ServiceError `INVALID_REQUEST` for what is no path here
 */
export async function issueLink(
  { connection, config }: Pick<Bff, 'config' | 'connection'>,
  wish: LinkWish,
  actor: string,
): Promise<{ url: string; expiresAt: number }> {
  const path = plainPath(wish.path)
  if (path === undefined) throw new ServiceError('INVALID_REQUEST', 'path is no path of this server')
  const token = randomBytes(tokenBytes).toString('base64url')
  const url = new URL(wish.path, config.publicUrl)
  url.searchParams.set(linkParameter, token)
  const linkId = randomUUID()
  const expiresAt = await transact(connection.db, async (transaction) => {
    const row = await transaction
      .insertInto('links')
      .values({
        token_hash: hashOf(token),
        link_id: linkId,
        path,
        sub: wish.sub === undefined ? null : storable(wish.sub),
        claims: JSON.stringify(storable(wish.claims ?? {})),
        created_at: sql<Date>`now()`,
        expires_at: sql<Date>`now() + ${wish.ttlMs ?? config.sessions.linkTtlMs} * interval '1 millisecond'`,
        used_at: null,
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow()
    await recordEvent(transaction, {
      action: 'link.issued',
      outcome: 'success',
      actor,
      details: storable({ link: linkId, path, sub: wish.sub }),
    })
    return row.expires_at
  })
  return { url: url.href, expiresAt }
}

/** Where the token stands in the query. */
export const linkParameter = 'token'

/** A token is 256 random bits: nobody finds it by trying, so that a slow hash or a salt would add nothing. */
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()
