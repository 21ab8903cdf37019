/** What stands where a secret stood. It contains `<`, which no token alphabet has, so redacting twice changes nothing. */
export const REDACTED = '<redacted>'

const EXACT = new Set([
  ...['pass', 'pwd', 'pin', 'otp', 'jwt', 'dpop', 'authorization', 'proxyauthorization', 'cookie', 'setcookie'],
  ...['codeverifier', 'idtokenhint', 'sessionid', 'devicecode', 'privatejwk', 'pgpassfile'],
])

const ENDING =
  /(?:password|passwd|passphrase|secret|token|assertion|apikey|privatekey|secretkey|rootkey|encryptionkey|accesskey)$/

// RFC 6749 section 10: codes and states travel in query strings, where their short names mean a secret.
// As members of an object the same names are error codes and lifecycle states, so they count here only.
const QUERY = new Set([
  ...['code', 'state', 'nonce', 'key', 'sig', 'signature', 'xamzsignature', 'auth', 'sid', 'session'],
  ...['sessionstate', 'request', 'samlresponse', 'samlrequest', 'usercode', 'k'],
])

// RFC 7518 section 6 and the AKP `priv`: one-letter names that are secret in a key and harmless elsewhere.
const JWK_PRIVATE = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth', 'priv'])
const LONG_BASE64URL = /^[A-Za-z0-9_-]{20,}={0,2}$/

// A log repeats a few hundred names for ever; the bound keeps names chosen by a sender from filling memory.
const CACHE_LIMIT = 2000
const cache = new Map<string, boolean>()

export function isSecretName(name: string): boolean {
  const known = cache.get(name)
  if (known !== undefined) return known
  const plain = singular(letters(name))
  const secret = EXACT.has(plain) || ENDING.test(plain)
  if (cache.size < CACHE_LIMIT && name.length < 100) cache.set(name, secret)
  return secret
}

export function isSecretQueryName(name: string): boolean {
  return isSecretName(name) || QUERY.has(letters(name))
}

export function isPlural(name: string): boolean {
  return /s$/i.test(name)
}

export function isPrivateKeyMember(name: string, value: unknown, insideKey: boolean): boolean {
  if (!JWK_PRIVATE.has(name)) return false
  return insideKey || (typeof value === 'string' && LONG_BASE64URL.test(value))
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}

function singular(name: string): string {
  return name.endsWith('s') && !name.endsWith('ss') ? name.slice(0, -1) : name
}
