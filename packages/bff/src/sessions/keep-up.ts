/** What is by an older version of a keyring is moved to the active one when a session is used. */
import type { FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import { bindingOf } from './binding.ts'
import { type Borne, bytesOf, sessionPurpose } from './borne.ts'
import type { SessionParts } from './parts.ts'
import type { HeldSession } from './stored.ts'

/** A cookie in the place of one by a version that is on its way out; it bears the same token. */
export function reissued({ keyrings }: SessionParts, borne: Borne, version: string): string | undefined {
  // Not whatever is not active: another instance may have activated it a moment before this one.
  const made = keyrings
    .documents()
    .get('session')
    ?.versions.find(({ id }) => id === version)
  if (made?.state !== 'retiring') return undefined
  return keyrings.sealing('session').seal(sessionPurpose, bytesOf(borne))
}

/** Moves what is behind. Of each session once at a time, and no request waits for it. */
export function catchingUp(parts: SessionParts) {
  const underWay = new Map<string, Promise<void>>()
  const late = (error: unknown) =>
    parts.log.warn({ err: error }, 'a session could not be moved to newer versions of keyrings')
  return {
    /** @param version by which its cookie is sealed */
    begin(request: FastifyRequest, held: HeldSession, borne: Borne, version: string): void {
      if (!isBehind(parts, held, version) || underWay.has(borne.id)) return
      const caughtUp = catchUp(parts, request, borne, held, version).catch(late)
      underWay.set(
        borne.id,
        caughtUp.finally(() => underWay.delete(borne.id)),
      )
    },
    /** Waits for what is under way. */
    async close(): Promise<void> {
      await Promise.all(underWay.values())
    },
  }
}

/** Does the row hang on versions that it need not hang on any more? */
function isBehind({ keyrings }: SessionParts, held: HeldSession, version: string): boolean {
  return held.saltVersion !== keyrings.salt('token-hash').active.id || movesTo({ keyrings }, held, version)
}

/** Only a cookie that was presented has arrived. One by an older version may be on its way beside it: that moves nothing back. */
function movesTo({ keyrings }: Pick<SessionParts, 'keyrings'>, held: HeldSession, version: string): boolean {
  return held.sealedBy !== version && keyrings.sealing('session').activeId === version
}

/** With the 3 s for which a statement may wait for a lock this is over well before the drain of a version counts what is left. */
const soonMs = 5_000

/** Each of the two, unless somebody else was quicker. */
async function catchUp(
  parts: SessionParts,
  request: Pick<FastifyRequest, 'ip' | 'headers'>,
  borne: Borne,
  held: HeldSession,
  version: string,
): Promise<void> {
  const { connection, keyrings, memory, requireLease, view } = parts
  requireLease()
  // The versions are chosen now: what waits for a connection for longer than this does nothing any more.
  const inTime = sql`clock_timestamp() < ${new Date(view.databaseNow() + soonMs)}`
  const { active } = keyrings.salt('token-hash')
  if (held.saltVersion !== active.id) {
    await sql`
      UPDATE sessions SET token_hash = ${active.hash(borne.token)}, salt_version = ${active.id}
      WHERE session_id = ${borne.id} AND salt_version = ${held.saltVersion} AND ${inTime}`.execute(connection.db)
  }
  const binding = bindingOf(keyrings.sealing('session'), request, version)
  if (binding !== undefined && movesTo(parts, held, version)) {
    await sql`
      UPDATE sessions SET sealed_by = ${version}, binding = ${binding}
      WHERE session_id = ${borne.id} AND sealed_by = ${held.sealedBy} AND ${inTime}`.execute(connection.db)
  }
  // Not forgotten: what is in memory is good until the newer row is there, and nobody has to wait for that.
  await memory.fresh(borne.id)
}
