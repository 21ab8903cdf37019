import { asDatabaseError } from '@rekey/database'
import { type RawBuilder, sql } from 'kysely'
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import type { Instance } from '../../instance.ts'
import { sha256 } from '../../sha256.ts'
import { ended, isLive } from './ended.ts'
import { foundBy } from './found-by.ts'
import { isOver, lineOf } from './generations.ts'
import { recordOf } from './sealed.ts'

type Holding = Pick<Instance, 'connection' | 'sealer' | 'requireRoom'>

interface Row {
  idHash: Buffer
  sealed: string
  clientId: string | null
  consumedAt: number | null
}

/**
 * Where the OpenID provider keeps what it remembers: PostgreSQL, so that any instance goes on with what another began. Ids are
 * there as SHA-256, the rest sealed to its model and id.
 *
 * @param reuseMsOf for how long a client may use a refresh token again; 0 for never
 * @returns what makes the adapter of a model (`Session`, `Grant`, `AuthorizationCode`, …). Its functions throw DatabaseError, also
 *   for a row that was changed or moved; IdpError `OVERLOADED`; and, where somebody else was first or it has ended, the provider's
 *   own errors
 */
export function stateAdapter(
  { connection: { db }, sealer, requireRoom }: Holding,
  reuseMsOf: (clientId: string) => Promise<number> = async () => 0,
): (model: string) => Adapter {
  return (model) => {
    const isRefreshToken = model === 'RefreshToken'

    async function findWhere(column: 'id_hash' | 'uid_hash', value: unknown): Promise<AdapterPayload | undefined> {
      if (typeof value !== 'string') return undefined
      const { rows } = await asked(
        sql<Row>`SELECT id_hash AS "idHash", sealed, client_id AS "clientId", consumed_at AS "consumedAt"
          FROM oidc_state WHERE model = ${model} AND ${sql.ref(column)} = ${sha256(value)} AND ${isLive}`,
      )
      const [row] = rows
      if (!row) return undefined
      const payload = JSON.parse(sealer.open(recordOf(model, row.idHash), row.sealed).toString())
      const usedAt = await usedUpAt(row)
      return usedAt === null ? payload : { ...payload, consumed: Math.floor(usedAt / 1_000) }
    }

    async function usedUpAt({ idHash, clientId, consumedAt }: Row): Promise<number | null> {
      const reuseMs = await reuseOf(clientId)
      if (reuseMs === 0) return consumedAt
      const { rows } = await asked(
        sql<{ at: number }>`SELECT coalesce(consumed_at, now()) AS at FROM oidc_state AS held
          WHERE model = ${model} AND id_hash = ${idHash} AND ${isOver(reuseMs)}`,
      )
      return rows[0]?.at ?? null
    }

    async function reuseOf(clientId: string | null): Promise<number> {
      return isRefreshToken && clientId !== null ? reuseMsOf(clientId) : 0
    }

    async function clientOf(idHash: Buffer): Promise<string | null> {
      if (!isRefreshToken) return null
      const { rows } = await asked(
        sql<Pick<Row, 'clientId'>>`SELECT client_id AS "clientId" FROM oidc_state
          WHERE model = ${model} AND id_hash = ${idHash}`,
      )
      return rows[0]?.clientId ?? null
    }

    function asked<T>(statement: ReturnType<typeof sql<T>>) {
      requireRoom()
      return statement.execute(db).catch((error) => {
        throw asDatabaseError(error)
      })
    }

    /** By whoever comes second: a code or a token that two present was stolen from one of them (RFC 9700 §4.14.2). */
    async function endGrantOf(idHash: Buffer, isReplay: RawBuilder<boolean>): Promise<void> {
      await asked(sql`
        UPDATE oidc_state SET ${ended} WHERE sealed IS NOT NULL AND grant_hash =
          (SELECT grant_hash FROM oidc_state AS held WHERE model = ${model} AND id_hash = ${idHash} AND ${isReplay})`)
    }

    return {
      async upsert(id, payload, expiresIn) {
        const idHash = sha256(id)
        const sealed = sealer.seal(recordOf(model, idHash), Buffer.from(JSON.stringify(withoutId(payload))))
        const found = foundBy(model, idHash, payload)
        const { grantHash, uidHash, accountId, clientId, sids, sidClients, generation, loginAt } = found
        const { numAffectedRows } = await asked(sql`
          INSERT INTO oidc_state AS held
            (model, id_hash, sealed, grant_hash, uid_hash, account_id, client_id, sids, sid_clients, line, generation, issued_at,
              expires_at)
          SELECT ${model}, ${idHash}, ${sealed}, ${grantHash}, ${uidHash}, ${accountId}, ${clientId}, ${sids}::text[],
            ${sidClients}::text[], ${isRefreshToken ? lineOf(idHash) : null}, ${generation}::int, least(now(), to_timestamp(${loginAt}::float8)), now() + ${expiresIn ?? longest}::float8 * interval '1 second'
          WHERE NOT EXISTS (SELECT FROM oidc_state AS over WHERE over.sealed IS NULL
            AND (over.model = 'Grant' AND over.grant_hash = ${grantHash}::bytea
              OR over.model = 'Session' AND over.uid_hash = ${uidHash}::bytea))
          ON CONFLICT (model, id_hash) DO UPDATE SET sealed = EXCLUDED.sealed, grant_hash = EXCLUDED.grant_hash,
            uid_hash = EXCLUDED.uid_hash, account_id = EXCLUDED.account_id, client_id = EXCLUDED.client_id,
            sids = EXCLUDED.sids, sid_clients = EXCLUDED.sid_clients, expires_at = EXCLUDED.expires_at,
            issued_at = CASE held.model WHEN 'Session' THEN EXCLUDED.issued_at ELSE held.issued_at END
          WHERE held.sealed IS NOT NULL`)
        // A request that began before its session was logged out, or went over to another id, has nothing to save there any more.
        if (numAffectedRows === 0n && model !== 'Session')
          throw new errors.InvalidGrant('the session or grant has ended')
      },
      async find(id) {
        const found = await findWhere('id_hash', id)
        return found && { ...found, jti: id }
      },
      findByUid: (uid) => findWhere('uid_hash', uid),
      // Of devices, which do not log in here (RFC 8628).
      findByUserCode: async () => undefined,
      async consume(id) {
        const idHash = sha256(id)
        const reuseMs = await reuseOf(await clientOf(idHash))
        const isReplay = reuseMs === 0 ? sql<boolean>`consumed_at IS NOT NULL` : isOver(reuseMs)
        const { numAffectedRows } = await asked(sql`
          UPDATE oidc_state AS held SET consumed_at = coalesce(consumed_at, now())
          WHERE model = ${model} AND id_hash = ${idHash} AND ${isLive} AND NOT ${isReplay}`)
        if (numAffectedRows === 1n) return
        await endGrantOf(idHash, isReplay)
        throw model === 'PushedAuthorizationRequest'
          ? new errors.InvalidRequestUri('request_uri was used before')
          : new errors.InvalidGrant('it was used before')
      },
      async destroy(id) {
        // Its session lives on under another id, maybe: only this one has ended.
        await asked(sql`
          UPDATE oidc_state SET ${ended}, uid_hash = NULL WHERE model = ${model} AND id_hash = ${sha256(id)}
            AND sealed IS NOT NULL`)
      },
      async revokeByGrantId(grantId) {
        await asked(sql`
          DELETE FROM oidc_state WHERE model = ${model} AND grant_hash = ${sha256(grantId)}`)
      },
    }
  }
}

/**
 * Whoever asks by its id tells it: of tokens and codes it is nowhere then, not even for somebody who has the root key as well. What is
 * found by something else must tell its id itself.
 */
function withoutId(payload: AdapterPayload): AdapterPayload {
  const { jti, ...rest } = payload
  return payload.uid === undefined ? rest : payload
}

/** Seconds; the provider gives all that it keeps an end. */
const longest = 366 * 86_400
