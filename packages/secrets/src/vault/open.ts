import {
  deleteAll,
  destroyVersions,
  type Fields,
  type Found,
  type Listed,
  listNames,
  listVersions,
  readVersion,
  type Written,
  writeAfter,
  writeOnTop,
} from './kv.ts'
import type { Ask } from './reply.ts'
import { sender } from './send.ts'
import type { VaultSettings } from './settings.ts'
import { keepToken } from './token.ts'

/**
 * The KV v2 engine of HashiCorp Vault or OpenBao: versions of what is at a path.
 *
 * Every act throws SecretsError `VAULT_UNAVAILABLE` (sealed, slow, out of reach, overloaded: it may go through later) or
 * `VAULT_REFUSED` (the token or its policy, the mount, the namespace: somebody has to do something first). Their messages
 * hold no path, no secret and no token, and nothing that Vault said. Whoever writes a path makes room there for a hundred
 * versions, whatever the mount is set to.
 */
export interface Vault {
  /**
   * @param version the newest when it is not given
   * @returns `destroyed` when Vault says that it was deleted or destroyed; `missing` when it does not know of it
   */
  read(path: string, version?: number): Promise<Found>
  /** The newest first, destroyed and deleted ones among them; none where the path is not there. */
  versions(path: string): Promise<Listed[]>
  /** Puts a new version on top of whatever is there: one that was written and never committed is stepped over. */
  write(path: string, fields: Fields): Promise<Written>
  /**
   * Puts a new version after a certain one, by check-and-set.
   *
   * @param cas the number of that version; 0 where there must be none yet
   * @returns undefined when somebody else was faster
   */
  writeAfter(path: string, fields: Fields, cas: number): Promise<Written | undefined>
  /** The names right below a path; those of folders end with a slash. */
  list(path: string): Promise<string[]>
  /** Destroys versions, also those that are only deleted. */
  destroy(path: string, versions: readonly number[]): Promise<void>
  /** Deletes everything, and the list of the versions as well: counting begins anew. */
  deleteAll(path: string): Promise<void>
  close(): void
}

/** How long is waited for Vault, and who hears of what fails. */
export interface VaultOptions {
  /** How long an act may take, all of its requests together. */
  deadlineMs?: number
  /** How long after a token could not be renewed it is tried again; 5 s by default. */
  retryMs?: number
  /** Hears why the token could not be renewed; the next act that needs it says so too. */
  onError?: (error: unknown) => void
}

/**
 * Waits for nothing: Vault may be sealed while an instance starts.
 *
 * @throws SecretsError `VAULT_SETTINGS_INVALID` when VAULT_CACERT cannot be read
 */
export function openVault(settings: VaultSettings, options: VaultOptions = {}): Vault {
  const { deadlineMs = 3_000, retryMs = 5_000, onError = () => undefined } = options
  const network = sender(settings)
  const token = keepToken(settings, network, { deadlineMs, retryMs, onError })
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

  /** What a version holds does not change, so those who ask for it at once ask once; which one is the newest does. */
  function read(path: string, version?: number): Promise<Found> {
    if (version === undefined) return readVersion(act(path), undefined)
    const key = `${path}?${version}`
    const underWay = reads.get(key)
    if (underWay) return underWay
    const reading = readVersion(act(path), version).finally(() => reads.delete(key))
    reads.set(key, reading)
    return reading
  }

  return {
    read,
    versions: (path) => listVersions(act(path)),
    write: (path, fields) => writeOnTop(act(path), fields),
    writeAfter: (path, fields, cas) => writeAfter(act(path), fields, cas),
    list: (path) => listNames(act(path)),
    destroy: (path, versions) => destroyVersions(act(path), versions),
    deleteAll: (path) => deleteAll(act(path)),
    close() {
      token.close()
      network.close()
    },
  }
}
