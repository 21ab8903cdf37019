import type { Session } from 'oidc-provider'
import type { Instance } from '../instance.ts'

/** For whoever looks for his password first; anybody may begin a login or a logout, and it is kept for so long. */
const begunSeconds = 1_800
const codeSeconds = 60

/** How long what the provider makes is good for, in seconds. */
export function lifetimesOf({ config, clock }: Pick<Instance, 'config' | 'clock'>) {
  const { accessTokenTtlMs, oidc } = config
  const seconds = (ms: number) => Math.max(1, Math.floor(ms / 1_000))
  const longest = Math.max(oidc.refreshTokenTtlMs, oidc.sessionTtlMs)
  return {
    // Nothing that is signed may outlive the keys by which it is verified: an ID token lives no longer than an access token.
    AccessToken: seconds(accessTokenTtlMs),
    IdToken: seconds(accessTokenTtlMs),
    AuthorizationCode: codeSeconds,
    Interaction: begunSeconds,
    Grant: seconds(longest),
    RefreshToken: seconds(oidc.refreshTokenTtlMs),
    Session: (_ctx: unknown, { accountId, loginTs }: Session) => {
      const left = loginTs === undefined ? oidc.sessionTtlMs : loginTs * 1_000 + oidc.sessionTtlMs - clock()
      const most = seconds(Math.min(oidc.sessionIdleMs, left))
      return accountId === undefined ? Math.min(begunSeconds, most) : most
    },
  }
}
