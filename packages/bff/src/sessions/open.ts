import type { FastifyRequest } from 'fastify'
import type { Tokens } from '../provider/provider.ts'
import { beginSession } from './begin.ts'
import { sessionCookie } from './borne.ts'
import { clearCookie, setCookie } from './cookie.ts'
import { endSessions } from './end.ts'
import { sessionFinder, type Useless } from './find.ts'
import { catchingUp, reissued } from './keep-up.ts'
import type { SessionParts } from './parts.ts'
import { refresher } from './refresh.ts'
import { remains } from './remains.ts'
import type { LiveSession, Sessions } from './session.ts'
import type { HeldSession } from './stored.ts'
import { sessionUses } from './uses.ts'

/**
 * No browser was ever given such a cookie, so that clearing it takes nothing else away. Any other may be older than the one that
 * the browser has by now: a reply to it that clears would end a login that came in between.
 */
const neverOurs: ReadonlySet<Useless> = new Set(['malformed', 'tampered', 'forged'])

/** Nobody has them: they must not live on at the provider. Not waited for. */
function giveBack({ provider, log }: SessionParts, { refreshToken }: Tokens): void {
  if (refreshToken === undefined) return
  provider.revoke(refreshToken).catch((error) => log.warn({ err: error }, 'a refresh token could not be revoked'))
}

/** Opens the sessions of an instance, on its view of the database. */
export function openSessions(parts: SessionParts): Sessions {
  const { config, connection, log, metrics, requireLease } = parts
  const { publicUrl } = config
  const findSession = sessionFinder(parts)
  const refreshing = refresher(parts)
  const uses = sessionUses(connection.db, (error) => log.warn({ err: error }, 'uses of sessions could not be written'))
  const cookies = new WeakMap<FastifyRequest, string>()
  const late = catchingUp(parts)

  /** @param isBound does it matter where it is used? */
  async function find(request: FastifyRequest, isBound = true): Promise<HeldSession | undefined> {
    requireLease()
    const found = await findSession(request)
    if (found === undefined) return undefined
    if ('foreign' in found) {
      metrics.bindingFailures.inc({ reason: found.foreign })
      return isBound ? undefined : found.of
    }
    if ('useless' in found) {
      metrics.sessionRefusals.inc({ cause: found.useless })
      if (neverOurs.has(found.useless)) cookies.set(request, clearCookie(publicUrl, sessionCookie))
      return undefined
    }
    const { held, borne, version } = found
    late.begin(request, held, borne, version)
    const newer = reissued(parts, borne, version)
    if (newer !== undefined) cookies.set(request, cookieOf(newer, held.live.expiresAt))
    return held
  }

  function cookieOf(sealed: string, expiresAt: number): string {
    return setCookie(publicUrl, sessionCookie, sealed, expiresAt - parts.view.databaseNow())
  }

  /** Its cookie never left. Not waited for: where it cannot be ended now, its tokens are of no use either. */
  function abandon({ id, sub }: LiveSession): void {
    endSessions(parts, { session: id }, sub, 'its login failed').catch((error) =>
      log.warn({ err: error, session: id }, 'a session that no browser has could not be ended'),
    )
  }

  return {
    async of(request) {
      const held = await find(request)
      const session = held && (await refreshing.good(held))
      if (session) uses.note(session.id)
      return session
    },
    present: async (request) => (await find(request, false))?.live,
    async remains(session) {
      requireLease()
      return remains(parts, session)
    },
    cookiesFor(request) {
      const line = cookies.get(request)
      return line === undefined ? [] : [line]
    },
    async begin(request, tokens, since) {
      let begun: LiveSession | undefined
      try {
        // Also one that began in another network: that is why somebody who has moved logs in anew.
        const before = await find(request, false)
        const { session, cookie } = await beginSession(parts, request, tokens, since)
        begun = session
        if (before) await endSessions(parts, { session: before.live.id }, session.sub, 'replaced by a new login')
        cookies.set(request, cookieOf(cookie, session.expiresAt))
        return session
      } catch (error) {
        giveBack(parts, tokens)
        if (begun) abandon(begun)
        throw error
      }
    },
    another: (session) => refreshing.another(session),
    async close() {
      await refreshing.close()
      await late.close()
      await uses.close()
    },
  }
}
