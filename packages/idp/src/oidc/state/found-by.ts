import type { AdapterPayload } from 'oidc-provider'
import { sha256 } from '../../sha256.ts'

/** By what a row of `oidc_state` is found besides its id. */
interface FoundBy {
  grantHash: Buffer | null
  uidHash: Buffer | null
  accountId: string | null
  clientId: string | null
  sids: string[] | null
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
  const sids = sid === undefined ? sidsIn(authorizations) : [sid]
  return {
    grantHash: model === 'Grant' ? idHash : hashed(grantId),
    uidHash: hashed(uid ?? sessionUid ?? session?.uid),
    accountId: payload.accountId ?? result?.login?.accountId ?? session?.accountId ?? null,
    clientId: payload.clientId ?? params?.client_id ?? null,
    sids: sids.length === 0 ? null : sids,
    loginAt: model === 'Session' ? (loginTs ?? null) : null,
  }
}

function sidsIn(authorizations: AdapterPayload['authorizations'] = {}): string[] {
  return Object.values(authorizations).flatMap(({ sid }) => sid ?? [])
}

function hashed(id: string | undefined): Buffer | null {
  return id === undefined ? null : sha256(id)
}
