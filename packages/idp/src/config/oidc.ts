import { duration } from '@rekey/service'
import { z } from 'zod'
import { newPassword } from '../accounts/password/rules.ts'
import { username } from '../accounts/username.ts'
import { IdpError } from '../error.ts'

/** How users log in, and how clients register. Durations are milliseconds. */
export interface OidcSettings {
  /** A file of client profiles beside those that are built in. */
  clientProfiles: string | undefined
  /** Hosts, with or without a port, that this server may call although they are private, or by plain HTTP. */
  outboundAllowed: readonly string[]
  /** How long a registration access token is good; 0 is for ever. */
  registrationTokenTtlMs: number
  /** A registration access token that is older is renewed when it changes something. */
  renewRegistrationTokenAfterMs: number
  /** The least time between two looks at one client's `jwks_uri`. */
  jwksUriCooldownMs: number
  /** Of a client at once. */
  mostClientKeys: number
  /** Of a login: after so long without use, and at the latest. */
  sessionIdleMs: number
  sessionTtlMs: number
  refreshTokenTtlMs: number
  /** For how long a client that authenticates may use a refresh token again whose reply it lost; 0 is never. */
  refreshReuseMs: number
  /** The first account, made at start if it is not there. */
  firstAccount: { username: string; password: string } | undefined
}

/** A name or an address, that of IPv6 in brackets; not a URL. */
const hostForm = /^(\[[\da-f:.]+\]|[^\s:/@?#[\]]+)(:\d{1,5})?$/i

/** For so long a stolen token is good once more, to whoever stole the client's key as well. */
const longestReuseMs = 600_000

export const oidcVariables = {
  REKEY_CLIENT_PROFILES: z.string().optional(),
  REKEY_OUTBOUND_ALLOW: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((host) => host !== ''))
    .refine((hosts) => hosts.every((host) => hostForm.test(host)), 'hosts, with or without a port, divided by commas')
    .default([]),
  REKEY_RAT_TTL: duration.default(365 * 86_400_000),
  REKEY_RAT_RENEW_AFTER: duration.default(86_400_000),
  REKEY_JWKS_URI_COOLDOWN: duration.default(10_000),
  REKEY_CLIENT_MAX_KEYS: z.coerce.number().int().min(2).max(100).default(20),
  REKEY_SESSION_IDLE: duration.default(8 * 3_600_000),
  REKEY_SESSION_TTL: duration.default(24 * 3_600_000),
  REKEY_REFRESH_TOKEN_TTL: duration.default(14 * 86_400_000),
  REKEY_REFRESH_REUSE: duration.refine((ms) => ms <= longestReuseMs, 'at most 10m').default(60_000),
  REKEY_ADMIN_USERNAME: username.optional(),
  REKEY_ADMIN_PASSWORD: newPassword.optional(),
}

type OidcGiven = z.infer<z.ZodObject<typeof oidcVariables>>

export function oidcOf(given: OidcGiven): OidcSettings {
  return {
    clientProfiles: given.REKEY_CLIENT_PROFILES,
    outboundAllowed: given.REKEY_OUTBOUND_ALLOW,
    registrationTokenTtlMs: given.REKEY_RAT_TTL,
    renewRegistrationTokenAfterMs: given.REKEY_RAT_RENEW_AFTER,
    jwksUriCooldownMs: given.REKEY_JWKS_URI_COOLDOWN,
    mostClientKeys: given.REKEY_CLIENT_MAX_KEYS,
    sessionIdleMs: given.REKEY_SESSION_IDLE,
    sessionTtlMs: given.REKEY_SESSION_TTL,
    refreshTokenTtlMs: given.REKEY_REFRESH_TOKEN_TTL,
    refreshReuseMs: given.REKEY_REFRESH_REUSE,
    firstAccount: firstAccountOf(given),
  }
}

function firstAccountOf({ REKEY_ADMIN_USERNAME: username, REKEY_ADMIN_PASSWORD: password }: OidcGiven) {
  if (username === undefined && password === undefined) return undefined
  if (username !== undefined && password !== undefined) return { username, password }
  throw new IdpError('CONFIG_INVALID', 'REKEY_ADMIN_USERNAME and REKEY_ADMIN_PASSWORD go together')
}
