import type { ApiSettings, Checker } from './checker.ts'
import { feedCheck } from './feed.ts'
import { joseCheck } from './jose.ts'
import { jwksRsaCheck } from './jwks-rsa.ts'
import { pollingCheck } from './polling.ts'

/** The four APIs: what they are told of an issuer is the same, all else is the default of their library. */
export const apiKinds = [
  { name: 'feed', label: '@rekey/verifier, trustFeed', make: feedCheck },
  { name: 'polling', label: '@rekey/verifier, jwksPolling', make: pollingCheck },
  { name: 'jose', label: 'jose, createRemoteJWKSet', make: joseCheck },
  { name: 'jwks-rsa', label: 'jsonwebtoken + jwks-rsa', make: jwksRsaCheck },
] as const satisfies readonly { name: string; label: string; make(settings: ApiSettings): Promise<Checker> }[]

export type ApiName = (typeof apiKinds)[number]['name']
