import type { VaultSettings } from '../config/vault.ts'
import { type Ask, destroyVersions, type Fields, type Found, keepVersions, readVersion, writeVersion } from './kv.ts'
import { sender } from './send.ts'
import { keepToken } from './token.ts'

/**
 * Client secrets in the KV v2 engine of HashiCorp Vault or OpenBao: a path for each credential, a version for each secret.
 *
 * Every act throws IdpError `VAULT_UNAVAILABLE` (sealed, slow, out of reach, overloaded: it may go through later) or
 * `VAULT_REFUSED` (the token or its policy, the mount, the namespace: somebody has to do something first). Their messages
 * hold no path, no secret and no token, and nothing that Vault said.
 */
export interface SecretVault {
  /** Puts a new version on top of whatever is there: one that was written and never committed is stepped over. */
  write(path: string, fields: Fields): Promise<{ version: number }>
  /** @returns `destroyed` when Vault says that it was deleted or destroyed; `missing` when it does not know of the version */
  read(path: string, version: number): Promise<Found>
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

export interface VaultOptions {
  /** How long an act may take, all of its requests together. */
  deadlineMs?: number
  /** Hears why the token could not be renewed; the next act that needs it says so too. */
  onError?: (error: unknown) => void
}

/**
 * Waits for nothing: Vault may be sealed while an instance starts.
 *
 * @throws IdpError `CONFIG_INVALID` when VAULT_CACERT cannot be read
 */
export function openVault(settings: VaultSettings, options: VaultOptions = {}): SecretVault {
  const { deadlineMs = 3_000, onError = () => undefined } = options
  const network = sender(settings)
  const token = keepToken(settings, network, deadlineMs, onError)
  const reads = new Map<string, Promise<Found>>()

  /** One deadline for all requests of an act; a token that is refused is read again, once a request. */
  function act(path: string): Ask {
    const signal = AbortSignal.timeout(deadlineMs)
    return async (method, kind, body, query = '') => {
      const where = `${settings.mount}/${kind}/${path}${query}`
      const first = await token.current()
      const reply = await network.send({ method, path: where, token: first, body, signal })
      if (reply.status !== 403) return reply
      const second = await token.reread()
      return second === first ? reply : network.send({ method, path: where, token: second, body, signal })
    }
  }

  function read(path: string, version: number): Promise<Found> {
    const key = `${path}?${version}`
    const underWay = reads.get(key)
    if (underWay) return underWay
    const reading = readVersion(act(path), version).finally(() => reads.delete(key))
    reads.set(key, reading)
    return reading
  }

  return {
    write: (path, fields) => writeVersion(act(path), fields),
    read,
    keepOnly: (path, versions) => keepVersions(act(path), versions),
    discard: (path, version) => destroyVersions(act(path), [version]),
    close() {
      token.close()
      network.close()
    },
  }
}
