import { VerifyError } from '../error.ts'
import type { ImportedKey } from '../keys/import.ts'
import type { Jwks } from '../keys/jwk.ts'
import { SecretSet } from '../keys/secret-set.ts'
import { selectKey } from '../keys/select.ts'
import { type Algorithm, allowedAlgorithm } from './algorithms.ts'
import { type JwsHeader, parseHeader, rememberedHeader, rememberHeader } from './header.ts'
import { Scratch } from './scratch.ts'

/** Longest token that is read, in characters, unless told otherwise: what Node takes as HTTP headers, four times. */
export const MAX_TOKEN_LENGTH = 65_536

/** What is allowed of a JWS. */
export interface VerifyJwsOptions {
  /** Names from RFC 7518, RFC 8037 and RFC 9864; an unknown name matches nothing. HS* count only when alone. */
  readonly algorithms: readonly string[]
  /** Longest token that is read, in characters. Default 65,536. */
  readonly maxLength?: number
}

/** A JWS whose signature was found good: its header, and its payload as bytes of the caller's own. */
export interface VerifiedJws {
  readonly header: JwsHeader
  readonly payload: Uint8Array
}

/** The keys that may have signed, asked for only once the header was read: trust may depend on the `kid`. */
export type KeysFor = (header: JwsHeader) => Jwks

/** Every token is decoded into the same memory; nothing between that and the end of a verification calls foreign code. */
const inputs = new Scratch(MAX_TOKEN_LENGTH)
const payloads = new Scratch(MAX_TOKEN_LENGTH)
const signatures = new Scratch(4096)

const malformed = (detail: string): VerifyError => new VerifyError('token_malformed', { detail })

/** `input` holds nothing but base64url and one dot by now. */
function isGood(algorithm: Algorithm, key: ImportedKey, input: string, signature: Buffer, kid: string | undefined) {
  try {
    return algorithm.check(inputs.ascii(input), key, signature)
  } catch (cause) {
    throw new VerifyError('signature_invalid', { kid, cause })
  }
}

/**
 * Checks the signature; the common ground of {@link verifyJws} and `verifyJwt`. The payload is a view of memory that the
 * next call overwrites: read or copy it at once.
 */
export function openJws(
  compact: unknown,
  keysFor: KeysFor,
  algorithms: readonly string[],
  maxLength: number,
): { header: JwsHeader; payload: Buffer } {
  if (typeof compact !== 'string') throw malformed('not a string')
  if (compact.length > maxLength) throw new VerifyError('token_too_large')
  const first = compact.indexOf('.')
  const second = compact.indexOf('.', first + 1)
  if (first < 1 || second < 0 || compact.indexOf('.', second + 1) >= 0) throw malformed('not three parts')
  const headerSegment = compact.slice(0, first)
  const remembered = rememberedHeader(headerSegment)
  const header = remembered ?? parseHeader(headerSegment)
  const algorithm = allowedAlgorithm(header.alg, algorithms)
  if (algorithm === undefined) throw new VerifyError('algorithm_not_allowed')
  const jwks = keysFor(header)
  const keys = jwks instanceof SecretSet ? jwks : selectKey(jwks, algorithm, header.kid)
  const payload = payloads.base64url(compact.slice(first + 1, second))
  const signature = signatures.base64url(compact.slice(second + 1))
  if (payload === undefined || signature === undefined) throw malformed('base64url')
  const input = compact.slice(0, second)
  const passes = (key: ImportedKey) => isGood(algorithm, key, input, signature, header.kid)
  const good = keys instanceof SecretSet ? keys.some(algorithm, header.kid, passes) : passes(keys)
  if (!good) throw new VerifyError('signature_invalid', { kid: header.kid })
  if (remembered === undefined) rememberHeader(headerSegment, header)
  return { header, payload }
}

export function assertAlgorithms(algorithms: unknown): asserts algorithms is readonly string[] {
  if (!Array.isArray(algorithms) || !algorithms.every((name) => typeof name === 'string')) {
    throw new TypeError('algorithms must be an array of algorithm names')
  }
}

export function assertJwks(jwks: unknown): asserts jwks is Jwks {
  if (jwks === null || typeof jwks !== 'object' || !Array.isArray((jwks as { keys?: unknown }).keys)) {
    throw new TypeError('jwks must be a JSON Web Key Set: { keys: [...] }')
  }
}

export function assertMaxLength(maxLength: unknown): asserts maxLength is number {
  if (typeof maxLength !== 'number' || !(maxLength > 0)) throw new TypeError('maxLength must be a positive number')
}

/**
 * Verifies a JWS in compact serialisation (RFC 7515) with a key from `jwks`, without any I/O.
 *
 * The algorithm must be in `algorithms` *and* suit the key by its `kty`, `crv` and, where present, `alg`, `use` and
 * `key_ops`; nothing in the token chooses a key beyond naming its `kid`. Without a `kid`, exactly one key must fit.
 *
 * @throws {VerifyError} for whatever is wrong with the token.
 * @throws {TypeError} for wrong use: `jwks` or `algorithms` missing or of the wrong shape.
 */
export function verifyJws(compact: string, jwks: Jwks, options: VerifyJwsOptions): VerifiedJws {
  assertJwks(jwks)
  assertAlgorithms(options?.algorithms)
  const maxLength = options.maxLength ?? MAX_TOKEN_LENGTH
  assertMaxLength(maxLength)
  const { header, payload } = openJws(compact, () => jwks, options.algorithms, maxLength)
  return { header, payload: new Uint8Array(payload) }
}
