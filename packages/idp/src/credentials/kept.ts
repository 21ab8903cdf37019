import type { Version } from '@rekey/keyring'
import { isAccepted } from '@rekey/keyring'
import { IdpError } from '../error.ts'
import type { SecretVault } from '../vault/open.ts'
import { credentialPath } from '../vault/path.ts'
import { hashSecret } from './secret.ts'

/** The hash of a secret, wherever that is kept; `undefined` when it is gone. */
export type HashOf = (version: Pick<Version, 'publicPart' | 'state'>) => Promise<Buffer | undefined>

/** Where a secret lies that is kept outside the database. */
export interface Place {
  path: string
  version: number
}

/** Client secrets, kept outside the database if there is a vault, and as hashes in it if not. */
export interface ClientSecrets {
  /** @returns the public part of the version: what the database is to hold of the secret */
  keep(agentId: string, credentialId: string, secret: string): Promise<Version['publicPart']>
  /** Throws away what was kept for a version that was not saved. */
  discard(publicPart: Version['publicPart']): Promise<void>
  /**
   * @throws IdpError `VAULT_UNAVAILABLE`, `VAULT_REFUSED`: that a secret cannot be read now must not look as if it were wrong.
   *   Not for one that is dead, which costs no more than a tripwire
   */
  hashOf: HashOf
}

/** Kept in memory: what a place holds never changes, and Vault need not be asked again for each change of a client. */
const mostHashes = 100_000

export function clientSecrets(vault: SecretVault | undefined, onError: (error: unknown) => void): ClientSecrets {
  const hashes = new Map<string, Buffer>()

  async function read({ path, version }: Place): Promise<Buffer | undefined> {
    const key = `${path}?${version}`
    const known = hashes.get(key)
    if (known) return known
    if (!vault) throw new IdpError('VAULT_UNAVAILABLE', 'a secret is kept in Vault, and VAULT_ADDR is not set')
    const found = await vault.read(path, version)
    const sha256 = found && hashSecret(found.clientSecret)
    if (sha256) remember(key, sha256)
    return sha256
  }

  function remember(key: string, sha256: Buffer): void {
    hashes.set(key, sha256)
    const [oldest] = hashes.size > mostHashes ? hashes.keys() : []
    if (oldest !== undefined) hashes.delete(oldest)
  }

  return {
    async keep(agentId, credentialId, secret) {
      const sha256 = hashSecret(secret)
      if (!vault) return { sha256: sha256.toString('hex') }
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
      const { sha256 } = version.publicPart as { sha256?: string }
      if (sha256 !== undefined) return Buffer.from(sha256, 'hex')
      const place = placeOf(version)
      if (!place) return undefined
      return isAccepted(version) ? read(place) : read(place).catch(() => undefined)
    },
  }
}

export function placeOf({ publicPart }: Pick<Version, 'publicPart'>): Place | undefined {
  return (publicPart as { vault?: Place }).vault
}
