import type { Sealer } from '@rekey/database'
import type { Version } from '@rekey/keyring'
import { isAccepted } from '@rekey/keyring'
import { IdpError } from '../error.ts'
import type { SecretVault } from '../vault/open.ts'
import { credentialPath } from '../vault/path.ts'
import { type Place, placeOf, recordOfSecret, sealedSecretOf, sha256Of } from './public-part.ts'
import { hashSecret } from './secret.ts'

type Part = Pick<Version, 'publicPart' | 'state'>

/**
 * The hash of a secret, wherever that is kept; `undefined` when it was destroyed there, and `lost` when it is accepted and
 * nobody knows where it went.
 */
export type HashOf = (version: Part) => Promise<Buffer | 'lost' | undefined>

/** Client secrets, kept outside the database if there is a vault, and as hashes in it if not. */
export interface ClientSecrets {
  /**
   * @param signing the id of the version, where its client will sign by the secret: then it can be read again
   * @returns the public part of the version: what the database is to hold of the secret
   */
  keep(agentId: string, credentialId: string, secret: string, signing?: string): Promise<Version['publicPart']>
  /** Throws away what was kept for a version that was not saved. */
  discard(publicPart: Version['publicPart']): Promise<void>
  /**
   * @throws IdpError `VAULT_UNAVAILABLE`, `VAULT_REFUSED`: that a secret cannot be read now must not look as if it were wrong.
   *   Not for one that is dead, which costs no more than a tripwire
   */
  hashOf: HashOf
  /**
   * The hash of a secret that is dead; `undefined` when there is nothing left of it.
   *
   * @throws IdpError `VAULT_UNAVAILABLE`, `VAULT_REFUSED`
   */
  hashOfDead(version: Part): Promise<Buffer | undefined>
  /**
   * The secret itself, where its client signs by it; `undefined` where only its hash is kept, or nothing.
   *
   * @throws DatabaseError `SEAL_DAMAGED`, `ROOT_KEY_MISMATCH`; IdpError `VAULT_UNAVAILABLE`, `VAULT_REFUSED`
   */
  secretOf(credentialId: string, version: Part & Pick<Version, 'id'>): Promise<Buffer | undefined>
}

/** Kept in memory: what a place holds never changes, and Vault need not be asked again for each change of a client. */
const mostHashes = 100_000

export function clientSecrets(
  vault: SecretVault | undefined,
  sealer: Sealer,
  onError: (error: unknown) => void,
): ClientSecrets {
  const hashes = new Map<string, Buffer>()

  async function read({ path, version }: Place): Promise<Buffer | 'destroyed' | 'missing'> {
    const key = `${path}?${version}`
    const known = hashes.get(key)
    if (known) return known
    const found = await readVault({ path, version })
    if (typeof found === 'string') return found
    const sha256 = hashSecret(found.clientSecret)
    remember(key, sha256)
    return sha256
  }

  async function readVault({ path, version }: Place) {
    if (!vault) throw new IdpError('VAULT_UNAVAILABLE', 'a secret is kept in Vault, and VAULT_ADDR is not set')
    return vault.read(path, version)
  }

  async function hashOfAccepted(place: Place): Promise<Buffer | 'lost' | undefined> {
    const found = await read(place)
    if (found === 'missing')
      onError(new IdpError('VAULT_REFUSED', 'a secret that is accepted is not in Vault any more'))
    if (found === 'missing') return 'lost'
    return found === 'destroyed' ? undefined : found
  }

  async function hashOfDead(version: Part): Promise<Buffer | undefined> {
    const sha256 = sha256Of(version)
    const place = placeOf(version)
    if (sha256 || !place) return sha256
    const found = await read(place)
    return typeof found === 'string' ? undefined : found
  }

  function remember(key: string, sha256: Buffer): void {
    hashes.set(key, sha256)
    const [oldest] = hashes.size > mostHashes ? hashes.keys() : []
    if (oldest !== undefined) hashes.delete(oldest)
  }

  return {
    async keep(agentId, credentialId, secret, signing) {
      if (!vault) {
        const sha256 = hashSecret(secret).toString('hex')
        if (signing === undefined) return { sha256 }
        return { sha256, sealedSecret: sealer.seal(recordOfSecret(credentialId, signing), Buffer.from(secret)) }
      }
      const path = credentialPath(agentId, credentialId)
      const { version } = await vault.write(path, { clientSecret: secret })
      return { vault: { path, version } }
    },
    async discard(publicPart) {
      const place = placeOf({ publicPart })
      // It was never accepted by anybody, and goes after the next rotation at the latest.
      if (place) await vault?.discard(place.path, place.version).catch(onError)
    },
    async hashOf(version) {
      if (!isAccepted(version)) return hashOfDead(version).catch(() => undefined)
      const place = placeOf(version)
      return sha256Of(version) ?? (place && hashOfAccepted(place))
    },
    hashOfDead,
    async secretOf(credentialId, version) {
      const sealed = sealedSecretOf(version)
      if (sealed !== undefined) return sealer.open(recordOfSecret(credentialId, version.id), sealed)
      const place = isAccepted(version) ? placeOf(version) : undefined
      const found = place && (await readVault(place))
      return typeof found === 'object' ? Buffer.from(found.clientSecret) : undefined
    },
  }
}
