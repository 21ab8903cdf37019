import { decodeStrict } from '../jws/base64url.ts'
import { parseObject } from '../jws/json.ts'
import { MAX_TOKEN_LENGTH } from '../jws/verify.ts'

/** What a token says of itself, which anybody can write. */
export interface UnverifiedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
}

function objectIn(segment: string): Record<string, unknown> | undefined {
  const bytes = decodeStrict(segment)
  return bytes && parseObject(bytes)
}

/**
 * Reads a token without checking anything but its form: good for choosing which verifier to ask, and for nothing else.
 * Undefined when it is no well-formed JWT or longer than `maxLength` characters (default 65,536). Never throws.
 */
export function decodeUnverified(token: string, maxLength = MAX_TOKEN_LENGTH): UnverifiedToken | undefined {
  if (typeof token !== 'string' || token.length > maxLength) return undefined
  const [first, second, ...rest] = token.split('.', 4)
  if (first === undefined || second === undefined || rest.length !== 1) return undefined
  const header = objectIn(first)
  const payload = header && objectIn(second)
  return payload && header && { header, payload }
}
