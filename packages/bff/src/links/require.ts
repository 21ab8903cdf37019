import { recordEvent } from '@rekey/database'
import { transact } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import type { Bff } from '../bff.ts'
import { BffError } from '../error.ts'
import { hashOf, linkParameter } from './issue.ts'
import { plainPath } from './path.ts'

/** What the link of a request says. */
export interface UsedLink {
  readonly id: string
  readonly sub: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that requires a link. */
    link: UsedLink
  }
}

/**
 * An `onRequest` hook: the token of the query is used up, and `request.link` says whom it was for. It is taken out of the URL
 * before anybody else sees that: services, logs, and whatever the page loads.
 *
 * @returns throws BffError `LINK_REFUSED`
 */
export function requireLink({ connection }: Pick<Bff, 'connection'>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.header('referrer-policy', 'no-referrer').header('cache-control', 'no-store')
    const token = takeToken(request)
    const path = plainPath(request.url)
    // Programs that look at links in e-mails before their readers do ask for the head.
    if (token === undefined || path === undefined || request.method === 'HEAD') throw refused()
    const link = await use(connection.db, token, path)
    if (link === undefined) throw refused()
    request.link = link
  }
}

const refused = () => new BffError('LINK_REFUSED', 'the link was used before, is over, or leads elsewhere')

/** @returns nothing where there is none, or several */
function takeToken(request: FastifyRequest): string | undefined {
  const { raw } = request
  const [path = '', query = ''] = splitOnce(raw.url ?? '/', '?')
  const parameters = query.split('&').filter((part) => part !== '')
  const isToken = (part: string) => nameIn(part) === linkParameter
  const tokens = parameters.filter(isToken).map((part) => part.slice(part.indexOf('=') + 1))
  const rest = parameters.filter((part) => !isToken(part)).join('&')
  raw.url = rest === '' ? path : `${path}?${rest}`
  delete (request.query as Record<string, unknown>)[linkParameter]
  return tokens.length === 1 ? tokens[0] : undefined
}

/** As whoever parses the query would read it. */
function nameIn(part: string): string {
  return new URLSearchParams(part).keys().next().value ?? ''
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + by.length)]
}

/** Of two who come at once one is told that it was used: the row is changed by one statement. */
function use(db: Bff['connection']['db'], token: string, path: string): Promise<UsedLink | undefined> {
  return transact(db, async (transaction) => {
    const { rows } = await sql<{ link_id: string; sub: string | null; claims: Record<string, unknown> }>`
      UPDATE links SET used_at = now()
      WHERE token_hash = ${hashOf(token)} AND used_at IS NULL AND expires_at > now()
        AND (${path}::text = path OR starts_with(${path}, rtrim(path, '/') || '/'))
      RETURNING link_id, sub, claims`.execute(transaction)
    const [row] = rows
    if (!row) return undefined
    await recordEvent(transaction, {
      action: 'link.used',
      outcome: 'success',
      actor: row.sub ?? 'anonymous',
      details: { link: row.link_id },
    })
    return { id: row.link_id, sub: row.sub ?? undefined, claims: row.claims }
  })
}
