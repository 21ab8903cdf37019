import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../../clock.ts'
import { assertKnown, type OptionNames } from '../../known-options.ts'
import { trustworthyUrl } from '../address.ts'
import type { OnLeaseLost } from './lease.ts'

interface FeedOptions {
  readonly clientId: string
  readonly clientSecret: string
  /** Whether to refuse everything when the lease is over, or to go on up to a ceiling. There is no default. */
  readonly onLeaseLost: OnLeaseLost
  /** Where revocations outlive a restart; one file per process. Without it they are kept in memory only. */
  readonly stateFile?: string | undefined
  /** Name of this process towards the issuer. Default: a random UUID. */
  readonly instance?: string
  readonly fetch?: typeof globalThis.fetch
  readonly clock?: Clock
  readonly random?: () => number
  /** Lets trust be fetched over plain http beyond loopback, where anybody on the way decides what is trusted. */
  readonly dangerouslyAllowPlaintext?: boolean
}

/** Where the issuer is reached, or each of its instances: when the one in use fails, the next one is used. */
type Address = string | readonly string[]

/**
 * The issuer's base URL, as `issuer` or (where it is reached by another address) as `url`. With several addresses a state
 * file needs `issuer`, by which it knows whose it is.
 */
export type TrustFeedOptions = FeedOptions &
  ({ readonly issuer: string; readonly url?: Address } | { readonly issuer?: string; readonly url: Address })

/** For so long at most may a verifier that is cut off hold a rotation up: an issuer grants no longer ceiling. */
const LONGEST_CEILING_MS = 86_400_000

const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''

function checkedMode(onLeaseLost: unknown): OnLeaseLost {
  if (onLeaseLost === 'fail-closed') return onLeaseLost
  const ceilingMs = (onLeaseLost as { lastKnownGood?: { ceilingMs?: unknown } } | undefined)?.lastKnownGood?.ceilingMs
  if (typeof ceilingMs === 'number' && ceilingMs > 0 && ceilingMs <= LONGEST_CEILING_MS)
    return { lastKnownGood: { ceilingMs } }
  throw new TypeError("onLeaseLost is required: 'fail-closed' or { lastKnownGood: { ceilingMs } }, at most 24 h")
}

function checkedAddresses({ url, issuer, dangerouslyAllowPlaintext }: TrustFeedOptions): readonly [URL, ...URL[]] {
  const addresses: readonly unknown[] = Array.isArray(url) ? url : [url ?? issuer]
  const [first, ...others] = addresses.map((one) => trustworthyUrl('url', one, dangerouslyAllowPlaintext === true))
  if (first === undefined) throw new TypeError('url must name at least one address')
  return [first, ...others]
}

const NAMES: OptionNames<FeedOptions & { issuer: string; url: Address }> = {
  issuer: true,
  url: true,
  clientId: true,
  clientSecret: true,
  onLeaseLost: true,
  stateFile: true,
  instance: true,
  fetch: true,
  clock: true,
  random: true,
  dangerouslyAllowPlaintext: true,
}

/** Reads the options once; from here on they are known to be sound. */
export function checkedFeedOptions(options: TrustFeedOptions) {
  assertKnown<object>('trustFeed', options, NAMES)
  const { clientId, clientSecret, stateFile, instance = randomUUID() } = options
  if (!isName(clientId) || !isName(clientSecret)) throw new TypeError('clientId and clientSecret are required')
  if (!isName(instance)) throw new TypeError('instance must be a non-empty string')
  if (stateFile !== undefined && !isName(stateFile)) throw new TypeError('stateFile must be a path')
  const { fetch = globalThis.fetch, clock = systemClock, random = Math.random } = options
  const bases = checkedAddresses(options)
  if (bases.length > 1 && stateFile !== undefined && !isName(options.issuer))
    throw new TypeError('issuer is required for a state file where there are several addresses')
  const name = options.issuer ?? bases[0].href
  return {
    clientId,
    clientSecret,
    stateFile,
    instance,
    fetch,
    clock,
    random,
    bases,
    name,
    onLeaseLost: checkedMode(options.onLeaseLost),
  }
}
