/**
 * Finds the session of a request.
 *
 * The cookie is opened by the version of keyring `session` that it names; the token in it is held against the hash in the row, by
 * the version of keyring `token-hash` that the row names; sender and session are held against each other by the version that
 * sealed the newest cookie that was presented. Whatever is by an older version is moved to the active one when it is used.
 */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { Bond } from '../config/sessions.ts'
import type { SaltKeyring, SealingKeyring } from '../keyrings/held.ts'
import { bindingOf, differenceIn, userAgentOf } from './binding.ts'
import { type Borne, borneIn, sessionCookie, sessionPurpose } from './borne.ts'
import { cookieName, cookiesOf } from './cookie.ts'
import type { SessionParts } from './parts.ts'
import type { HeldSession } from './stored.ts'

/** `ended`: there is no such session any more. `stale`: what it hangs on is not accepted any more. `forged`: the token is another. */
export type Useless = 'malformed' | 'unknown' | 'tampered' | 'ended' | 'stale' | 'forged'

export type Found =
  | { readonly held: HeldSession; readonly borne: Borne; readonly version: string }
  | { readonly useless: Useless }
  | Foreign
  | undefined

/** The session is good, and whoever bears it is not where it began. */
interface Foreign {
  readonly foreign: Bond
  readonly of: HeldSession
}

/** Finds the session of a request. What was found by a cookie is found by it again, as long as nothing changed that it was found by. */
export function sessionFinder(parts: SessionParts): (request: FastifyRequest) => Found | Promise<Found> {
  const { keyrings, memory, view } = parts
  const name = cookieName(parts.config.publicUrl, sessionCookie)
  const recent = new LRUCache<string, Recent>({ max: mostRecent })

  /** Keyrings and rows are other objects as soon as they are read anew. */
  function holds({ found, sealing, salt, ip, agent }: Recent, request: FastifyRequest): boolean {
    return (
      keyrings.sealing('session') === sealing &&
      keyrings.salt('token-hash') === salt &&
      memory.known(found.borne.id) === found.held &&
      found.held.live.expiresAt > view.databaseNow() &&
      request.ip === ip &&
      userAgentOf(request) === agent
    )
  }

  async function findAnew(request: FastifyRequest, text: string): Promise<Found> {
    // Before anything is awaited: whatever changes meanwhile makes what is found by these of no use.
    const by = { sealing: keyrings.sealing('session'), salt: keyrings.salt('token-hash') }
    const found = await findSession(parts, request, text)
    if (found && 'held' in found) recent.set(text, { found, ...by, ip: request.ip, agent: userAgentOf(request) })
    return found
  }

  return (request) => {
    const text = cookiesOf(request)[name]
    if (text === undefined || text === '') return undefined
    const known = recent.get(text)
    return known !== undefined && holds(known, request) ? known.found : findAnew(request, text)
  }
}

/** What was found, and all that it hangs on. */
interface Recent {
  readonly found: Extract<Found, { held: HeldSession }>
  readonly sealing: SealingKeyring
  readonly salt: SaltKeyring
  readonly ip: string
  readonly agent: string
}

async function findSession(parts: SessionParts, request: FastifyRequest, text: string): Promise<Found> {
  const keyring = parts.keyrings.sealing('session')
  const opened = keyring.open(sessionPurpose, text)
  if (!opened.ok) return { useless: opened.cause }
  const borne = borneIn(opened.plain)
  if (borne === undefined) return { useless: 'malformed' }
  const known = parts.memory.known(borne.id)
  const first = judge(parts, keyring, request, borne, known ?? (await parts.memory.get(borne.id)))
  // Nobody is refused for what was true once: another instance may have moved the row to other versions.
  const isOld = known !== undefined && 'useless' in first
  const judged = isOld ? judge(parts, keyring, request, borne, await parts.memory.fresh(borne.id)) : first
  return 'held' in judged ? { ...judged, borne, version: opened.version } : judged
}

/** Opening a cookie and holding it against its row takes one seal and three MACs. */
const mostRecent = 10_000

type Judged = { readonly held: HeldSession } | { readonly useless: Useless } | Foreign

function judge(
  { keyrings, config, view }: SessionParts,
  keyring: SealingKeyring,
  request: FastifyRequest,
  borne: Borne,
  held: HeldSession | undefined,
): Judged {
  if (held === undefined || held.live.expiresAt <= view.databaseNow()) return { useless: 'ended' }
  const salt = keyrings.salt('token-hash').accepted.find(({ id }) => id === held.saltVersion)
  const sent = bindingOf(keyring, request, held.sealedBy)
  if (salt === undefined || sent === undefined) return { useless: 'stale' }
  const hash = salt.hash(borne.token)
  if (hash.length !== held.tokenHash.length || !timingSafeEqual(hash, held.tokenHash)) return { useless: 'forged' }
  const foreign = differenceIn(held.binding, sent, config.sessions.binding)
  return foreign === undefined ? { held } : { foreign, of: held }
}
