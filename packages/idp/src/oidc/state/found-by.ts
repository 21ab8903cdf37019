import type { AdapterPayload } from 'oidc-provider'
import { sha256 } from '../../sha256.ts'

/** By what a row of `oidc_state` is found besides its id. */
interface FoundBy {
  grantHash: Buffer | null
  uidHash: Buffer | null
  accountId: string | null
  clientId: string | null
  sids: string[] | null
  /** Of a session: the clients that know it by these, in their order. */
  sidClients: string[] | null
  /** Of a refresh token: how many came before it in its line. */
  generation: number | null
  /** When a session's user logged in: seconds since the epoch. */
  loginAt: number | null
}

interface Interacting {
  params?: { client_id?: string }
  session?: { accountId?: string; uid?: string }
  result?: { login?: { accountId?: string } }
}

export function foundBy(model: string, idHash: Buffer, payload: AdapterPayload): FoundBy {
  const { grantId, uid, sessionUid, sid, authorizations, loginTs } = payload
  const { params, session, result } = payload as Interacting
  const known = sidsIn(authorizations)
  const sids = sid === undefined ? known.map(([, each]) => each) : [sid]
  return {
    grantHash: model === 'Grant' ? idHash : hashed(grantId),
    uidHash: hashed(uid ?? sessionUid ?? session?.uid),
    accountId: payload.accountId ?? result?.login?.accountId ?? session?.accountId ?? null,
    clientId: payload.clientId ?? params?.client_id ?? null,
    sids: sids.length === 0 ? null : sids,
    sidClients: sid !== undefined || known.length === 0 ? null : known.map(([client]) => client),
    generation: model === 'RefreshToken' ? (payload.rotations ?? 0) : null,
    loginAt: model === 'Session' ? (loginTs ?? null) : null,
  }
}

/** With the client that knows the session by it. */
function sidsIn(authorizations: AdapterPayload['authorizations'] = {}): [clientId: string, sid: string][] {
  return Object.entries(authorizations).flatMap(([clientId, { sid }]) => (sid === undefined ? [] : [[clientId, sid]]))
}

function hashed(id: string | undefined): Buffer | null {
  return id === undefined ? null : sha256(id)
}
