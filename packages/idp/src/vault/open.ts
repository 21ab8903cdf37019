import { openVault, type Vault, type VaultOptions, type VaultSettings } from '@rekey/secrets'
import { asked, configured } from './refusal.ts'

interface Secret {
  clientSecret: string
}

/**
 * Client secrets in Vault: a path for each credential, a version for each secret.
 *
 * Every act throws IdpError `VAULT_UNAVAILABLE` or `VAULT_REFUSED`, as the acts of a `Vault` do.
 */
export interface SecretVault {
  /** Puts a new version on top of whatever is there: one that was written and never committed is stepped over. */
  write(path: string, secret: Secret): Promise<{ version: number }>
  /**
   * @returns `destroyed` when Vault says that it was deleted or destroyed; `missing` when it does not know of the version,
   *   or what that has is none of ours
   */
  read(path: string, version: number): Promise<Secret | 'destroyed' | 'missing'>
  /**
   * Destroys every version that is older than the newest of these and not one of them. Newer ones stay, because a rotation
   * may have written one and be about to commit it; what was never committed goes after the next rotation.
   *
   * @param versions none only for a credential that is over: everything goes, the list of its versions too
   */
  keepOnly(path: string, versions: readonly number[]): Promise<void>
  /** Destroys a version that was written and will not be committed. */
  discard(path: string, version: number): Promise<void>
  close(): void
}

/**
 * Waits for nothing: Vault may be sealed while an instance starts.
 *
 * @throws IdpError `CONFIG_INVALID` when VAULT_CACERT cannot be read
 */
export function openSecretVault(settings: VaultSettings, options: VaultOptions = {}): SecretVault {
  const vault = configured(() => openVault(settings, options))
  return {
    write: (path, { clientSecret }) => asked(vault.write(path, { clientSecret })),
    read: (path, version) => asked(readSecret(vault, path, version)),
    keepOnly: (path, versions) => asked(keepOnly(vault, path, versions)),
    discard: (path, version) => asked(vault.destroy(path, [version])),
    close: () => vault.close(),
  }
}

/** A version that has no such field was written by somebody else, and is nobody's secret. */
async function readSecret(vault: Vault, path: string, version: number): ReturnType<SecretVault['read']> {
  const found = await vault.read(path, version)
  if (typeof found === 'string') return found
  const { clientSecret } = found.fields
  return typeof clientSecret === 'string' ? { clientSecret } : 'missing'
}

async function keepOnly(vault: Vault, path: string, kept: readonly number[]): Promise<void> {
  if (kept.length === 0) return vault.deleteAll(path)
  const newest = Math.max(...kept)
  const left = (await vault.versions(path)).filter(({ isDestroyed }) => !isDestroyed)
  const over = left.map(({ version }) => version).filter((version) => version < newest && !kept.includes(version))
  await vault.destroy(path, over)
}
