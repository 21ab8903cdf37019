import type { AccessToken, RefreshToken } from 'oidc-provider'
import { findAccount } from '../accounts/account.ts'
import type { Instance } from '../instance.ts'
import type { AccessTokenClaims } from '../tokens/claims.ts'
import type { Oidc } from './open.ts'

/** A token of a user's that the provider keeps: an opaque access token, or a refresh token. */
export interface FoundToken {
  token: AccessToken | RefreshToken
  claims: AccessTokenClaims
}

/** Has it the form of one? Then it is nothing else: 256 random bits, without a prefix. */
export function isKept(token: string): boolean {
  return token.length === 43 && !token.includes('.')
}

/**
 * Looks such a token up.
 *
 * @returns `undefined` when it is unknown, expired or used up, or what it hangs on has ended: session, grant or account
 * @throws OIDCProviderError `temporarily_unavailable`
 */
export async function findKept(instance: Instance, oidc: Oidc, value: string): Promise<FoundToken | undefined> {
  instance.requireRoom()
  const { AccessToken, RefreshToken, Grant } = oidc.current()
  const token = (await AccessToken.find(value)) ?? (await RefreshToken.find(value))
  if (!token?.isValid || !token.accountId || !token.clientId || !token.grantId) return undefined
  const isRefresh = token.kind === 'RefreshToken'
  const account = await findAccount(instance.connection.db, token.accountId, isRefresh ? token.authTime : undefined)
  if (!account || !(await Grant.find(token.grantId))) return undefined
  const { issuer } = instance.config
  const claims: AccessTokenClaims = {
    iss: issuer,
    sub: token.accountId,
    // Only here it is good for something, whatever an API that asks may think.
    aud: issuer,
    client_id: token.clientId,
    organization_id: account.organization_id,
    scope: token.scope,
    sid: token.sid,
    iat: token.iat ?? 0,
    exp: token.exp ?? 0,
    token_type: isRefresh ? 'refresh_token' : 'Bearer',
  }
  return { token, claims }
}

/** Ends it. With a refresh token all that was granted with it ends (RFC 7009 §2.1), but for JWTs, which APIs do not ask about. */
export async function endKept(oidc: Oidc, { token }: FoundToken): Promise<void> {
  if (token.kind === 'AccessToken') return token.destroy()
  const { grantId = '' } = token
  const { AccessToken, RefreshToken, AuthorizationCode, Grant } = oidc.current()
  const grant = await Grant.find(grantId)
  await grant?.destroy()
  for (const model of [AccessToken, RefreshToken, AuthorizationCode]) await model.revokeByGrantId(grantId)
}
