/** What the database holds of a version of a credential, by which it is accepted or known again. */
import type { Version } from '@rekey/keyring'
import type { ClientJwk } from './key.ts'

/** Where a secret lies that is kept outside the database. */
export interface Place {
  path: string
  version: number
}

type Part = Pick<Version, 'publicPart'>

/** The hash of a secret, where it stands in the database. */
export function sha256Of({ publicPart: { sha256 } }: Part): Buffer | undefined {
  return typeof sha256 === 'string' ? Buffer.from(sha256, 'hex') : undefined
}

export function placeOf({ publicPart }: Part): Place | undefined {
  return publicPart.vault as Place | undefined
}

/** A secret that its client signs by (client_secret_jwt): as the key of an HMAC it is needed itself. */
export function sealedSecretOf({ publicPart: { sealedSecret } }: Part): string | undefined {
  return typeof sealedSecret === 'string' ? sealedSecret : undefined
}

/** What it is sealed to: it opens for no other version. */
export function recordOfSecret(credentialId: string, version: string): string {
  return `credentials/${credentialId}/${version}`
}

/** Of a version of the kind `client-key`. */
export function jwkOf({ publicPart }: Part): ClientJwk {
  return publicPart as ClientJwk
}

export function kidOf({ publicPart: { kid } }: Part): string | undefined {
  return typeof kid === 'string' ? kid : undefined
}
