const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

interface Bound {
  /** How long after a key was withdrawn it is still accepted at worst, by default; null: without an end. */
  readonly ms: number | null
  readonly text: string
}

const FEED: Bound = {
  ms: 15_000,
  text: 'is on the feed and stops by itself when its lease is over, 15 s after it was cut off',
}
const SPRING: Bound = { ms: 5 * MINUTE_MS, text: 'keeps keys for 5 minutes' }
const UNTIL_UNKNOWN_KID = 'keeps keys until a token names one that it does not know, or until a restart'

/** The defaults of each library, as they were measured or are documented. */
const BOUNDS: Readonly<Record<string, Bound>> = Object.freeze({
  jose: { ms: 10 * MINUTE_MS, text: 'keeps keys for 10 minutes' },
  'jwks-rsa': { ms: 10 * MINUTE_MS, text: 'keeps each key for 10 minutes, also when it fetches another' },
  'aws-jwt-verify': { ms: null, text: UNTIL_UNKNOWN_KID },
  'get-jwks': {
    ms: null,
    text: 'falls back to keys that are out of date, and goes on with them, in effect until a restart',
  },
  'fast-jwt': {
    ms: 10 * MINUTE_MS,
    text: 'remembers verified tokens for up to 10 minutes and asks for the key only then',
  },
  'go-oidc': { ms: null, text: UNTIL_UNKNOWN_KID },
  pyjwt: { ms: 5 * MINUTE_MS, text: 'keeps keys for 5 minutes, and with cache_keys without a bound' },
  spring: {
    ms: null,
    text: 'keeps keys for 5 minutes, and in its reactive form until a token names one that it does not know',
  },
  'spring-servlet': SPRING,
  'spring-reactive': { ms: null, text: UNTIL_UNKNOWN_KID },
  '.net': { ms: 13 * HOUR_MS, text: 'keeps keys for 12 hours, and the last good ones for one more' },
  envoy: { ms: 10 * MINUTE_MS, text: 'keeps keys for 10 minutes, and longer while it cannot fetch them' },
  istio: { ms: 20 * MINUTE_MS, text: 'looks every 20 minutes, and keeps keys longer while it cannot fetch them' },
  mod_auth_openidc: { ms: HOUR_MS, text: 'keeps keys for an hour' },
  '@rekey/verifier': { ms: HOUR_MS, text: 'looks every 5 minutes, and trusts what it has for an hour while it cannot' },
  '@rekey/verifier-feed': FEED,
})

const ALSO_CALLED: Readonly<Record<string, string>> = Object.freeze({
  'python-jwt': 'pyjwt',
  'spring-security': 'spring',
  'spring-webflux': 'spring-reactive',
  dotnet: '.net',
  identitymodel: '.net',
  'microsoft.identitymodel': '.net',
  'coreos/go-oidc': 'go-oidc',
})

/** `jose@6.2`, `PyJWT 2.9`, `@rekey/verifier/0.1.0`: the name without its version. */
function nameIn(library: string): string {
  const name = library
    .toLowerCase()
    .replace(/[@/ ]v?\d[\w.+-]*$/, '')
    .trim()
    .replaceAll(' ', '-')
  return ALSO_CALLED[name] ?? name
}

/**
 * For how long an instance goes on accepting a key at worst, by the defaults of what it verifies tokens with.
 *
 * @param since when the key was revoked, ISO 8601
 */
export function worstCaseOf(library: string | undefined, since: string): { text: string; until: string | null } {
  if (library === undefined)
    return { text: 'what it verifies tokens with is not known, and so no bound is', until: null }
  const name = nameIn(library)
  const bound = Object.hasOwn(BOUNDS, name) ? BOUNDS[name] : undefined
  if (bound === undefined) return { text: `no bound is known for ${library}`, until: null }
  const until = bound.ms === null ? null : new Date(Date.parse(since) + bound.ms).toISOString()
  return { text: `${library} ${bound.text}`, until }
}
