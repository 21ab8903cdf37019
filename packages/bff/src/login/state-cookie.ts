/**
 * What a login must remember until its callback is in a cookie of its own, sealed: so logins in several tabs do not disturb each
 * other, and any instance can finish what another one began.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Bff } from '../bff.ts'
import type { BegunLogin } from '../provider/provider.ts'
import { clearCookie, cookieName, cookiesOf, setCookie } from '../sessions/cookie.ts'

type Parts = Pick<Bff, 'clock' | 'keyrings'> & { readonly config: Pick<Bff['config'], 'publicUrl' | 'sessions'> }

/** Of one browser at once, and how much of every request they may take: servers refuse headers of more than 16 KiB. */
const mostLogins = 8
const mostBytes = 8_192

const prefix = 'bff_login_'
const purpose = 'login'

const remembered = z.object({
  begun: z.object({ state: z.string(), nonce: z.string(), codeVerifier: z.string() }),
  returnTo: z.string(),
  at: z.number(),
})

type Remembered = z.infer<typeof remembered>

/** The Set-Cookie lines of a login that begins: its own, and what makes room for it. */
export function rememberLogin(parts: Parts, request: FastifyRequest, begun: BegunLogin, returnTo: string): string[] {
  const { config, clock, keyrings } = parts
  const { publicUrl, sessions } = config
  const what: Remembered = { begun, returnTo, at: clock() }
  const sealed = keyrings.sealing('state').seal(purpose, JSON.stringify(what))
  return [
    ...surplus(parts, request).map((name) => clearCookie(publicUrl, name)),
    setCookie(publicUrl, nameOf(begun.state), sealed, sessions.loginTtlMs),
  ]
}

/** What was remembered of the login that a callback belongs to; nothing where none of this browser does, or it took too long. */
export function recallLogin(parts: Parts, request: FastifyRequest, state: string): Omit<Remembered, 'at'> | undefined {
  const text = cookiesOf(request)[cookieName(parts.config.publicUrl, nameOf(state))]
  const found = text === undefined ? undefined : opened(parts, text)
  if (found === undefined || !isSame(found.begun.state, state) || isTooOld(parts, found)) return undefined
  return found
}

export function forgetLogin({ config }: Parts, state: string): string {
  return clearCookie(config.publicUrl, nameOf(state))
}

/** Names of cookies of logins that are too many, the oldest ones, and of such as are of no use any more. */
function surplus(parts: Parts, request: FastifyRequest): string[] {
  const start = cookieName(parts.config.publicUrl, prefix)
  const logins = Object.entries(cookiesOf(request))
    .filter(([name]) => name.startsWith(start))
    .map(([name, text = '']) => ({ name: `${prefix}${name.slice(start.length)}`, text, at: begunAt(parts, text) }))
    .toSorted((a, b) => b.at - a.at)
  let bytes = 0
  return logins
    .filter(({ text, at }, n) => {
      bytes += text.length
      return at === 0 || n >= mostLogins - 1 || bytes > mostBytes
    })
    .map(({ name }) => name)
}

/** When a login that may still be finished was begun; otherwise 0. */
function begunAt(parts: Parts, text: string): number {
  const found = opened(parts, text)
  return found === undefined || isTooOld(parts, found) ? 0 : found.at
}

/** By whichever version of keyring `state` is accepted: a rotation breaks no login in flight. */
function opened({ keyrings }: Parts, text: string): Remembered | undefined {
  const answer = keyrings.sealing('state').open(purpose, text)
  return answer.ok ? remembered.safeParse(JSON.parse(answer.plain.toString('utf8'))).data : undefined
}

function isTooOld({ clock, config }: Parts, { at }: Remembered): boolean {
  return clock() - at > config.sessions.loginTtlMs
}

const nameOf = (state: string) => `${prefix}${sha256(state).toString('base64url').slice(0, 16)}`

const sha256 = (text: string) => createHash('sha256').update(text).digest()

const isSame = (one: string, other: string) => timingSafeEqual(sha256(one), sha256(other))
