import { duration } from '@rekey/service'
import { z } from 'zod'

/** What a session may be bound to. */
export type Bond = 'network' | 'user-agent'

/** How users stay logged in. Durations are milliseconds. */
export interface SessionSettings {
  /** Of a session, however it is used. */
  readonly lifetimeMs: number
  /** How long before its expiry an access token is refreshed. */
  readonly refreshAheadMs: number
  /** How long a user may take to log in. */
  readonly loginTtlMs: number
  /** What must be the same in every request as it was at the login. */
  readonly binding: readonly Bond[]
  /** Of one-use links, where nothing else is asked for. */
  readonly linkTtlMs: number
}

const bonds: readonly Bond[] = ['network', 'user-agent']

const binding = z.string().transform((text, context): readonly Bond[] => {
  const named = text.split(/[\s,]+/).filter((part) => part !== '')
  if (named.length === 1 && named[0] === 'none') return []
  const known = bonds.filter((bond) => named.includes(bond))
  if (known.length > 0 && known.length === new Set(named).size) return known
  context.addIssue({ code: 'custom', message: 'network, user-agent, both with a comma between them, or none' })
  return z.NEVER
})

/** Seconds, or a duration. */
const lifetime = z.preprocess(
  (given) => (typeof given === 'string' && /^\d+$/.test(given) ? `${given}s` : given),
  duration,
)

/** @param least and most, in milliseconds: what is shorter logs everybody out, what is longer is no limit */
function within(least: number, most: number, said: string) {
  return (ms: number, context: z.RefinementCtx) => {
    if (ms < least || ms > most) context.addIssue({ code: 'custom', message: said })
  }
}

const minuteMs = 60_000
const dayMs = 86_400_000

export const sessionVariables = {
  SESSION_LIFETIME: lifetime
    .superRefine(within(minuteMs, 365 * dayMs, 'from a minute to 365 days'))
    .default(8 * 60 * minuteMs),
  REKEY_SESSION_REFRESH_AHEAD: lifetime.superRefine(within(0, dayMs, 'at most a day')).default(5 * minuteMs),
  REKEY_LOGIN_TTL: lifetime.superRefine(within(minuteMs, dayMs, 'from a minute to a day')).default(10 * minuteMs),
  REKEY_SESSION_BINDING: binding.default(bonds),
  REKEY_LINK_TTL: lifetime.superRefine(within(1_000, dayMs, 'from a second to a day')).default(15 * minuteMs),
}

export function sessionsOf(given: z.infer<z.ZodObject<typeof sessionVariables>>): SessionSettings {
  return {
    lifetimeMs: given.SESSION_LIFETIME,
    refreshAheadMs: given.REKEY_SESSION_REFRESH_AHEAD,
    loginTtlMs: given.REKEY_LOGIN_TTL,
    binding: given.REKEY_SESSION_BINDING,
    linkTtlMs: given.REKEY_LINK_TTL,
  }
}
