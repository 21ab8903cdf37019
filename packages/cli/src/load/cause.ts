import type { Incoming } from './http.ts'

/** One of the servers under load. */
export interface Target {
  /** `token` or `api`. */
  role: 'token' | 'api'
  /** Its base URL. */
  url: string
}

/** The stable code with which an API refuses tokens of a revoked key. */
const revoked = 'key_revoked'

/** Why a request failed, as it is counted: `401 token_invalid api http://localhost:8081`. */
export function refusalCause(reply: Incoming, target: Target): string {
  const code = refusalCode(reply)
  return [reply.status, code, target.role, target.url].filter((part) => part !== '').join(' ')
}

/** The same for a request that got no reply: `ECONNREFUSED token http://localhost:8002`. */
export function brokenCause(error: unknown, target: Target): string {
  const { code, message } = error as NodeJS.ErrnoException
  return `${code ?? message} ${target.role} ${target.url}`
}

/** Whether a token was refused for the one reason that is meant to break tokens. */
export function isRevokedRefusal(reply: Incoming): boolean {
  return reply.status === 401 && refusalCode(reply) === revoked
}

function refusalCode(reply: Incoming): string {
  const members = json(reply.body) as { code?: unknown; error?: unknown }
  const code = members.code ?? members.error ?? challengeCode(reply.headers['www-authenticate'])
  // Counted by cause: what a stranger's server writes here must not make endless many causes.
  return typeof code === 'string' ? code.slice(0, 60) : ''
}

/** RFC 6750, 3: the error of a challenge, where a body says nothing. */
function challengeCode(challenge = ''): string {
  if (challenge.includes(revoked)) return revoked
  return /error="([^"]*)"/.exec(challenge)?.[1] ?? ''
}

function json(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch (cause) {
    if (cause instanceof SyntaxError) return {}
    throw cause
  }
}
