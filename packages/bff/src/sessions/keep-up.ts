/** What is by an older version of a keyring is moved to the active one when a session is used. */
import type { FastifyRequest } from 'fastify'
import { sql, type Transaction } from 'kysely'
import type { BffTables } from '../tables.ts'
import { bindingOf } from './binding.ts'
import { type Borne, bytesOf, sessionPurpose } from './borne.ts'
import type { SessionParts } from './parts.ts'
import type { HeldSession } from './stored.ts'
import { timely } from './timely.ts'

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

/** Does the row hang on versions that it need not hang on any more? */
export function isBehind({ keyrings }: SessionParts, held: HeldSession, version: string): boolean {
  return held.saltVersion !== keyrings.salt('token-hash').active.id || movesTo({ keyrings }, held, version)
}

/** Only a cookie that was presented has arrived. One by an older version may be on its way beside it: that moves nothing back. */
function movesTo({ keyrings }: Pick<SessionParts, 'keyrings'>, held: HeldSession, version: string): boolean {
  return held.sealedBy !== version && keyrings.sealing('session').activeId === version
}

/** Each of the two, unless somebody else was quicker. */
export async function catchUp(
  parts: SessionParts,
  request: Pick<FastifyRequest, 'ip' | 'headers'>,
  borne: Borne,
  held: HeldSession,
  version: string,
): Promise<void> {
  const { keyrings, memory } = parts
  const rehash = async (transaction: Transaction<BffTables>) => {
    const { active } = keyrings.salt('token-hash')
    if (held.saltVersion === active.id) return
    await sql`
      UPDATE sessions SET token_hash = ${active.hash(borne.token)}, salt_version = ${active.id}
      WHERE session_id = ${borne.id} AND salt_version = ${held.saltVersion}`.execute(transaction)
  }
  const move = async (transaction: Transaction<BffTables>) => {
    const binding = bindingOf(keyrings.sealing('session'), request, version)
    if (binding === undefined || !movesTo(parts, held, version)) return
    await sql`
      UPDATE sessions SET sealed_by = ${version}, binding = ${binding}
      WHERE session_id = ${borne.id} AND sealed_by = ${held.sealedBy}`.execute(transaction)
  }
  if (held.saltVersion !== keyrings.salt('token-hash').active.id) await timely(parts, rehash)
  if (movesTo(parts, held, version)) await timely(parts, move)
  memory.forget(borne.id)
}
