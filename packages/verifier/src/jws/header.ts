import { forgetOldest } from '../bounded.ts'
import { VerifyError } from '../error.ts'
import { decodeStrict } from './base64url.ts'
import { parseObject } from './json.ts'

/** The header of a JWS (RFC 7515 §4). Nothing in it chooses a key or an algorithm that was not allowed beforehand. */
export interface JwsHeader {
  readonly alg: string
  readonly kid?: string
  readonly typ?: string
  readonly [parameter: string]: unknown
}

const CACHED_HEADERS = 64
const CACHED_LENGTH = 512
const cached = new Map<string, JwsHeader>()

const isOptionalString = (value: unknown): boolean => value === undefined || typeof value === 'string'

/** Reads the first segment of a token. */
export function parseHeader(segment: string): JwsHeader {
  const bytes = decodeStrict(segment)
  const header = bytes && parseObject(bytes)
  if (header === undefined) throw new VerifyError('token_malformed', { detail: 'header' })
  const { alg, kid, typ } = header
  if (typeof alg !== 'string' || !isOptionalString(kid) || !isOptionalString(typ)) {
    throw new VerifyError('token_malformed', { detail: 'header' })
  }
  // RFC 7515 §4.1.11: an extension that is not understood refuses the token, and none is understood here. RFC 7797
  // has `b64` listed in `crit`, and a token that leaves it out still means other bytes than those we would check.
  if (Object.hasOwn(header, 'crit') || (Object.hasOwn(header, 'b64') && header.b64 !== true)) {
    throw new VerifyError('header_unsupported')
  }
  return header as unknown as JwsHeader
}

/** A header that was seen on a good token before, as an object of the caller's own. */
export function rememberedHeader(segment: string): JwsHeader | undefined {
  const known = cached.get(segment)
  return known && { ...known }
}

const isFlat = (header: JwsHeader): boolean =>
  Object.values(header).every((value) => value === null || typeof value !== 'object')

/**
 * Keeps a parsed header: an issuer sends the same few for hours. Called only once a signature has been found good, so
 * that nobody else can fill the cache; flat headers only, so that a shallow copy is a whole one.
 */
export function rememberHeader(segment: string, header: JwsHeader): void {
  if (segment.length > CACHED_LENGTH || !isFlat(header)) return
  cached.set(segment, { ...header })
  forgetOldest(cached, CACHED_HEADERS)
}
