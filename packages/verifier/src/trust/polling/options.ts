import { type Clock, systemClock } from '../../clock.ts'
import { assertKnown, type OptionNames } from '../../known-options.ts'
import { trustworthyUrl } from '../address.ts'

/** Where the key set is, and how often and how long it may be used. Times are milliseconds. */
export interface JwksPollingOptions {
  readonly jwksUri: string
  /**
   * How often the set is fetched, or sooner where the reply's max-age says so. Default 5 min; a fetch comes up to a tenth
   * early, drawn at random.
   */
  readonly refreshMs?: number
  /** How long a set is trusted after the fetch that brought it was sent, when every later one fails. Default 1 h. */
  readonly ceilingMs?: number
  /**
   * Least time between two fetches that unknown kids cause, and from one that failed, whatever caused it, to one that they
   * cause. Default 10 s.
   */
  readonly coolDownMs?: number
  /** How long a kid that the issuer did not list causes no further fetch. Default 30 s. */
  readonly unknownKidMs?: number
  /** Longest wait for one fetch, with its body. Default 5 s. */
  readonly timeoutMs?: number
  /** Largest reply that is read. Default 1 MiB. */
  readonly maxBytes?: number
  /** Sent along with each fetch, for an endpoint that wants to know who asks. */
  readonly headers?: Readonly<Record<string, string>>
  /** Fetches the set: for a proxy, or a certificate authority of your own. Default: that of the machine. */
  readonly fetch?: typeof globalThis.fetch
  readonly clock?: Clock
  readonly random?: () => number
  /** Lets the set be fetched over plain http beyond loopback, where anybody on the way decides what is trusted. */
  readonly dangerouslyAllowPlaintext?: boolean
}

const DEFAULTS = {
  refreshMs: 300_000,
  ceilingMs: 3_600_000,
  coolDownMs: 10_000,
  unknownKidMs: 30_000,
  timeoutMs: 5_000,
  maxBytes: 1_048_576,
}

function checkedLimits(options: JwksPollingOptions): typeof DEFAULTS {
  const limits = { ...DEFAULTS }
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = options[name] ?? DEFAULTS[name]
    if (!Number.isFinite(value) || value <= 0) throw new TypeError(`${name} must be a positive number`)
    limits[name] = value
  }
  if (limits.ceilingMs <= limits.refreshMs) throw new TypeError('ceilingMs must be longer than refreshMs')
  return limits
}

/** What is wrong with a header is not told: the reason that the machine gives repeats its value, which may be secret. */
function checkedHeaders(headers: JwksPollingOptions['headers']): Record<string, string> {
  try {
    return Object.fromEntries(new Headers(headers))
  } catch {
    throw new TypeError('headers must be an object of HTTP header fields')
  }
}

const NAMES: OptionNames<JwksPollingOptions> = {
  jwksUri: true,
  refreshMs: true,
  ceilingMs: true,
  coolDownMs: true,
  unknownKidMs: true,
  timeoutMs: true,
  maxBytes: true,
  headers: true,
  fetch: true,
  clock: true,
  random: true,
  dangerouslyAllowPlaintext: true,
}

/** Reads the options once; from here on they are known to be sound. */
export function checkedPollingOptions(options: JwksPollingOptions) {
  assertKnown('jwksPolling', options, NAMES)
  const { fetch = globalThis.fetch, clock = systemClock, random = Math.random } = options
  if (typeof fetch !== 'function') throw new TypeError('fetch must be a function')
  const uri = trustworthyUrl('jwksUri', options.jwksUri, options.dangerouslyAllowPlaintext === true).href
  return { uri, fetch, clock, random, headers: checkedHeaders(options.headers), ...checkedLimits(options) }
}
