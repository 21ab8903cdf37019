/** The access token by which the policy decision point knows us. */
import { type Answer, ask, basic, type Send, type Tried } from '../calls/call.ts'
import type { Clock } from '../clock.ts'
import type { PdpCredentials } from '../config/files/pdp.ts'
import { memberAt } from '../json/member.ts'

/** Fetched when it is first needed. */
export interface OwnToken {
  /** The same for all who ask, until shortly before it ends. */
  get(signal: AbortSignal): Promise<Tried<string>>
  /** The token is not good any more, whatever was said when it was issued. */
  forget(token: string): void
}

/** What is left of a token's life must suffice for a question that is on its way. */
const aheadMs = 30_000

export function ownToken(
  { clientId, clientSecret, scope }: PdpCredentials,
  tokenUrl: URL,
  { send, clock, count }: { send: Send; clock: Clock; count: (status: string) => void },
): OwnToken {
  let held: { token: string; since: number; until: number } | undefined
  let underWay: Promise<Tried<string>> | undefined
  const fetchOne = async (signal: AbortSignal): Promise<Tried<string>> => {
    const since = clock()
    const headers = {
      authorization: basic(clientId, clientSecret.current()),
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    }
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope && { scope }) }).toString()
    const tried = await ask(send, { url: tokenUrl, headers, body }, signal)
    count('fault' in tried ? tried.fault : String(tried.value.status))
    if ('fault' in tried) return tried
    const issued = issuedIn(tried.value)
    if (!issued) return { fault: `no token (${tried.value.status})` }
    held = { token: issued.token, since, until: since + issued.lifeMs - Math.min(aheadMs, issued.lifeMs / 2) }
    return { value: issued.token }
  }
  return {
    async get(signal) {
      const now = clock()
      if (held && now >= held.since && now < held.until) return { value: held.token }
      underWay ??= fetchOne(signal).finally(() => {
        underWay = undefined
      })
      return underWay
    },
    forget(token) {
      if (held?.token === token) held = undefined
    },
  }
}

/** RFC 6749 §5.1. Who does not say how long a token lives is asked again soon. */
function issuedIn({ status, json }: Answer): { token: string; lifeMs: number } | undefined {
  const token = memberAt(json, 'access_token')
  const seconds = memberAt(json, 'expires_in')
  if (status !== 200 || typeof token !== 'string' || !/^[!-~]+$/.test(token)) return undefined
  return { token, lifeMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : 60_000 }
}
