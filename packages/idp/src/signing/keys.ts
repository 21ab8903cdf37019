import { createHash, createPrivateKey, type KeyObject } from 'node:crypto'
import type { Sealer } from '@rekey/database'
import { activeVersion, isAccepted, type Keyring, type Version } from '@rekey/keyring'
import { IdpError, OAuthError } from '../error.ts'
import { recordOf } from './make.ts'
import { type Sign, signatures } from './sign.ts'

/** What the active version of a keyring signs with. `header` is the JWS header of an access token, encoded. */
export interface ActiveKey {
  kid: string
  header: string
}

/** The JSON Web Key Set as it is handed out. */
export interface Jwks {
  body: string
  etag: string
}

/** The signing keyrings as this instance holds them in memory, ready to sign and to publish. */
export interface SigningKeys {
  keyrings: ReadonlyMap<string, Keyring>
  jwks: Jwks
  /** Every accepted public key: the active ones first, then those in reserve, then the retiring ones. */
  publicKeys: readonly Version['publicPart'][]
  revokedKids: readonly string[]
  /** Revision of the newest change to the accepted or revoked keys. */
  publishedRevision: number
  /** @throws OAuthError `temporarily_unavailable` when no version of the keyring is active */
  active(keyring: string): ActiveKey
  sign: Sign
}

/** Do tokens hang on this keyring? There are others beside: what they hold is no key of the JWKS. */
export const isSigning = ({ kind }: Pick<Keyring, 'kind'>): boolean => kind === 'signing-key'

const order: Readonly<Record<string, number>> = { active: 0, prepared: 1, retiring: 2 }

/**
 * Makes the keys in memory from the stored documents.
 *
 * @param held private keys that were opened before, by `kid`; those still needed are kept, so that a change costs nothing
 * @throws DatabaseError `ROOT_KEY_MISMATCH`, `SEAL_DAMAGED`
 */
export function signingKeysFrom(keyrings: readonly Keyring[], sealer: Sealer, held: PrivateKeys): SigningKeys {
  const active = new Map<string, ActiveKey>()
  const needed: PrivateKeys = new Map()
  for (const keyring of keyrings) {
    const version = activeVersion(keyring)
    if (!version?.sealedPrivate) continue
    const key = held.get(version.id)?.key ?? privateKeyOf(sealer, keyring, version.id, version.sealedPrivate)
    needed.set(version.id, { key, algorithm: keyring.algorithm })
    active.set(keyring.name, { kid: version.id, header: tokenHeader(keyring.algorithm, version.id) })
  }
  held.clear()
  for (const [kid, key] of needed) held.set(kid, key)
  const versions = keyrings.flatMap((keyring) => keyring.versions)
  const publicKeys = versions
    .filter(isAccepted)
    .sort((a, b) => (order[a.state] ?? 9) - (order[b.state] ?? 9))
    .map((version) => version.publicPart)
  return {
    keyrings: new Map(keyrings.map((keyring) => [keyring.name, keyring])),
    jwks: jwksOf(publicKeys),
    publicKeys,
    revokedKids: versions.filter((version) => version.state === 'revoked').map((version) => version.id),
    publishedRevision: Math.max(0, ...keyrings.map((keyring) => keyring.publishedRevision)),
    active(name) {
      const found = active.get(name)
      if (!found) throw new OAuthError('temporarily_unavailable', 'no key can sign at the moment; try again')
      return found
    },
    sign: signWith(needed),
  }
}

export type PrivateKeys = Map<string, { key: KeyObject; algorithm: string }>

function signWith(keys: PrivateKeys): Sign {
  return (kid, bytes) => {
    const entry = keys.get(kid)
    const signature = entry && signatures[entry.algorithm]
    if (!entry || !signature) throw new IdpError('INTERNAL', `this instance cannot sign by ${kid}`)
    return signature(entry.key, bytes)
  }
}

/** @throws DatabaseError `ROOT_KEY_MISMATCH`, `SEAL_DAMAGED` */
export function privateKeyOf(sealer: Sealer, keyring: Keyring, kid: string, sealed: string): KeyObject {
  return createPrivateKey({ key: sealer.open(recordOf(keyring.name, kid), sealed), format: 'der', type: 'pkcs8' })
}

/** The JWS header of an access token, encoded. */
export function tokenHeader(alg: string, kid: string): string {
  return Buffer.from(JSON.stringify({ alg, typ: 'at+jwt', kid })).toString('base64url')
}

function jwksOf(keys: readonly unknown[]): Jwks {
  const body = JSON.stringify({ keys })
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}
