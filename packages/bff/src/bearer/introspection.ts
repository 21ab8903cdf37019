/** Tokens checked by asking their issuer (RFC 7662). */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Answer, ask, basic, type Tried } from '../calls/call.ts'
import { retried } from '../calls/retry.ts'
import type { Surroundings } from '../calls/surroundings.ts'
import type { Idp, IntrospectionCheck } from '../config/files/idp.ts'
import { secretsIn } from '../config/source.ts'
import type { Asking } from './asking.ts'
import { type Issuer, isMeantFor } from './issuer.ts'
import { expired, invalid, unavailable, type Verdict, verdictOf } from './verdict.ts'

type Claims = Readonly<Record<string, unknown>>

const patience = { attempts: 3, backoffMs: 100 }
const mostRemembered = 10_000

export function introspectingIssuer(idp: Idp, how: IntrospectionCheck, asking: Asking, around: Surroundings): Issuer {
  const { every, log } = around
  const unwatch = how.clientSecret.watch(() => undefined, { every, warn: (message) => log.warn(message) })
  const remembered = new LRUCache<string, { verdict: Verdict; since: number; until: number }>({ max: mostRemembered })
  return {
    name: idp.name,
    issuer: idp.issuer,
    audiences: idp.audiences,
    takesOpaque: true,
    async check(token, unverified, source) {
      const key = createHash('sha256').update(token).digest('base64')
      const known = remembered.get(key)
      const askedAt = around.clock()
      // A clock that was set back remembers nothing.
      if (known && askedAt >= known.since && askedAt < known.until) return known.verdict
      const ask = async () => {
        const reply = claimsIn(await introspect(idp, how, token, around), idp, around)
        if (!reply) return { verdict: unavailable, claims: {} }
        // Asked about one token, an issuer need not repeat what is written in it.
        const claims = reply.active === true ? { ...writtenIn(unverified?.payload), ...reply } : reply
        return { verdict: judge(token, claims, idp, around.clock()), claims }
      }
      const { verdict, claims } = await asking.ask(source, ask, isBad)
      const until = Math.min(askedAt + how.cacheMs, endOf(claims))
      if (verdict.status === 'valid' && how.cacheMs > 0) remembered.set(key, { verdict, since: askedAt, until })
      return verdict
    },
    close: unwatch,
  }
}

const isBad = ({ verdict: { status } }: { verdict: Verdict }) => status === 'invalid' || status === 'expired'

function introspect(idp: Idp, how: IntrospectionCheck, token: string, around: Surroundings): Promise<Tried<Answer>> {
  const { fetch, metrics, random } = around
  const once = async (signal: AbortSignal) => {
    const headers = {
      authorization: basic(how.clientId, newestOf(how.clientSecret)),
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    }
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString()
    const tried = await ask(fetch, { url: how.url, headers, body }, signal)
    const status = 'fault' in tried ? tried.fault : String(tried.value.status)
    metrics.idpRequests.inc({ endpoint: 'introspection', status })
    if ('fault' in tried) around.log.warn({ idp: idp.name, fault: tried.fault }, 'an introspection failed')
    return tried
  }
  return retried(once, { ...patience, timeoutMs: how.timeoutMs, random })
}

/** Those behind it are in their overlap. */
function newestOf({ name, current }: IntrospectionCheck['clientSecret']): string {
  const [newest = ''] = secretsIn(name, current())
  return newest
}

/** An issuer that refuses us, or says nothing that can be understood, has not said that the token is bad. */
function claimsIn(tried: Tried<Answer>, idp: Idp, { log }: Surroundings): Claims | undefined {
  if ('fault' in tried) return undefined
  const { status, json } = tried.value
  const isAnswer = status === 200 && json !== null && typeof json === 'object'
  if (isAnswer && typeof (json as Claims).active === 'boolean') return json as Claims
  log.error({ idp: idp.name, status }, 'an introspection was refused, or its answer cannot be understood')
  return undefined
}

/** What an issuer said to be active was written by it: claims that its answer leaves out are taken from the token itself. */
function writtenIn(payload: Claims | undefined): Claims {
  if (payload === undefined) return {}
  const { iss, aud, exp, nbf } = payload
  const given = Object.entries({ iss, aud, exp, nbf }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given)
}

function judge(token: string, claims: Claims, idp: Idp, now: number): Verdict {
  const { active, iss, aud, exp, nbf } = claims
  if (active !== true) return invalid
  if (iss !== undefined && iss !== idp.issuer) return invalid
  if (!isMeantFor(aud, idp.audiences)) return invalid
  if (![exp, nbf].every((time) => time === undefined || Number.isFinite(time))) return invalid
  if (exp !== undefined && now >= Number(exp) * 1_000 + idp.leewayMs) return expired
  if (nbf !== undefined && now < Number(nbf) * 1_000 - idp.leewayMs) return invalid
  return verdictOf(token, claims, idp)
}

/** Without an end nothing is remembered. */
function endOf({ exp }: Claims): number {
  return typeof exp === 'number' ? exp * 1_000 : 0
}
