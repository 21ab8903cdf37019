/** What stands where a secret stood. It contains `<`, which no token alphabet has, so redacting twice changes nothing. */
export const REDACTED = '<redacted>'

const EXACT = new Set([
  ...['pass', 'passcode', 'pwd', 'pswd', 'pin', 'otp', 'totp', 'cvv', 'cvc', 'jwt', 'dpop', 'csrf', 'xsrf', 'oth'],
  ...['authorization', 'proxyauthorization', 'cookie', 'setcookie', 'codeverifier', 'idtokenhint', 'sessionid'],
  ...['devicecode', 'recoverycode', 'backupcode', 'mfacode', 'privatejwk', 'pgpassfile', 'dcriat'],
  ...[
    'basicauth',
    'mnemonic',
    'seedphrase',
    'passwordhash',
    'hashedpassword',
    'privkey',
    'bffsession',
    'hostbffsession',
  ],
])

const ENDING = new RegExp(
  `(?:${[
    'password|passwd|passphrase|secret|token|assertion|salt',
    // Not every key is one: a public key, a primary key and a cache key are none.
    '(?:api|private|secret|root|master|encryption|access|account|signing|hmac|shared|session|cookie|aes|ssh|wrapping|state|csrf|token|storage|sealing)key',
  ].join('|')})$`,
)

// RFC 6749 section 10: codes and states travel in query strings, where their short names mean a secret.
// As members of an object the same names are error codes and lifecycle states, so they count here only.
const QUERY = new Set([
  ...['code', 'state', 'nonce', 'key', 'sig', 'signature', 'xamzsignature', 'auth', 'sid', 'session'],
  ...['sessionstate', 'request', 'samlresponse', 'samlrequest', 'usercode', 'k', 'loginhint'],
])

// RFC 7518 section 6 and the AKP `priv`: one-letter names that are secret in a key and harmless elsewhere.
const JWK_PRIVATE = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth', 'priv'])
const LONG_BASE64URL = /^[A-Za-z0-9_-]{20,}={0,2}$/

// A log repeats a few hundred names for ever; the bounds keep names chosen by a sender from filling memory.
const CACHE_LIMIT = 2000
const CACHED_LENGTH = 100

/** Tells which names of members, parameters and fields mean a secret. */
export interface Names {
  isSecret(name: string): boolean
  isSecretInQuery(name: string): boolean
}

/** The names that everybody calls secrets by, and some of one's own, in whatever spelling. */
export function namesWith(own: readonly string[]): Names {
  const added = new Set(own.map(plain))
  const cache = new Map<string, boolean>()
  const isSecret = (name: string): boolean => {
    const known = cache.get(name)
    if (known !== undefined) return known
    const word = plain(name)
    const secret = EXACT.has(word) || EXACT.has(lastWord(name)) || ENDING.test(word) || added.has(word)
    if (cache.size < CACHE_LIMIT && name.length < CACHED_LENGTH) cache.set(name, secret)
    return secret
  }
  // Of one letter only as it stands: `/k/=` is a path.
  const travels = (name: string): boolean => QUERY.has(letters(name)) && (name.length === 1 || letters(name).length > 1)
  return { isSecret, isSecretInQuery: (name) => isSecret(name) || travels(name) }
}

export function isPlural(name: string): boolean {
  return /s$/i.test(name)
}

export function isPrivateKeyMember(name: string, value: unknown, insideKey: boolean): boolean {
  if (!JWK_PRIVATE.has(name)) return false
  return insideKey || (typeof value === 'string' && LONG_BASE64URL.test(value))
}

/** A name as it is compared: `Client-Secrets` and `clientSecret` are one. Empty when there is no letter in it. */
export function plain(name: string): string {
  return singular(letters(name))
}

// `DB_PASS` and `smtpPass`, but not `bypass`.
function lastWord(name: string): string {
  return plain(name.split(/[^\p{L}\p{N}]+|(?<=[a-z0-9])(?=[A-Z])/u).findLast((word) => word !== '') ?? '')
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

function singular(name: string): string {
  return name.endsWith('s') && !name.endsWith('ss') ? name.slice(0, -1) : name
}
