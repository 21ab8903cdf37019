import { randomUUID } from 'node:crypto'
import {
  type AnyPolicy,
  type Change,
  type Clock,
  isKeyringName,
  type Keyring,
  KeyringError,
  type KeyringStore,
  nextDecisionAt,
  type Policy,
  stamp,
} from '@rekey/keyring'
import { SecretsError } from '../error.ts'
import type { Written } from '../vault/kv.ts'
import type { Vault } from '../vault/open.ts'
import { fieldsOf, type Saved, type SavedChange, savedIn } from './document.ts'

/** So many changes stay in the document. */
const mostHistory = 50

/** Where the keyrings lie, and who hears of what fails. */
export interface VaultStoreOptions {
  /** Below the mount. */
  folder?: string
  /** Hears that older versions of a document could not be destroyed; it is tried again with the next look. */
  onError?: (error: unknown) => void
}

/** A store of keyrings that tells what was changed in them. */
export interface VaultKeyringStore<P extends AnyPolicy> extends KeyringStore<P> {
  /** The last changes of a keyring, who made them and when; the newest first. */
  history(name: string): Promise<readonly SavedChange[]>
}

/**
 * A store of keyrings in the KV v2 engine of Vault or OpenBao, for software that has a Vault and no database. Each keyring is
 * a path, and its revision is the number of the version there: saving is a write by check-and-set.
 *
 * A version that is written does not take the one before it away, and that may hold private parts which the new one has not
 * any more. So whoever saves, or looks for what is due, destroys what is older; what changed when is kept in the document.
 *
 * Everything throws SecretsError `VAULT_UNAVAILABLE` and `VAULT_REFUSED`, and KeyringError `STORE_DAMAGED` when the newest
 * version is not one that this store wrote.
 */
export function vaultKeyringStore<P extends AnyPolicy = Policy>(
  vault: Vault,
  clock: Clock,
  { folder = 'rekey/keyrings', onError = () => undefined }: VaultStoreOptions = {},
): VaultKeyringStore<P> {
  /** Up to which revision this process knows that nothing older is left. */
  const swept = new Map<string, number>()
  const pathOf = (name: string) => `${folder}/${name}`

  // A name may come from a URL: one that climbs out of the folder names nothing here.
  const find = async (name: string) =>
    isKeyringName(name) ? savedIn<P>(name, await vault.read(pathOf(name))) : undefined

  async function all(): Promise<Saved<P>[]> {
    const names = (await vault.list(folder)).filter(isKeyringName).sort()
    return (await Promise.all(names.map(find))).flatMap((saved) => saved ?? [])
  }

  async function sweep({ name, revision }: Pick<Keyring<P>, 'name' | 'revision'>): Promise<void> {
    if ((swept.get(name) ?? 0) >= revision) return
    const listed = await vault.versions(pathOf(name))
    const over = listed.filter(({ version, isDestroyed }) => version < revision && !isDestroyed)
    await vault.destroy(
      pathOf(name),
      over.map(({ version }) => version),
    )
    swept.set(name, revision)
  }

  async function save(previous: Keyring<P> | undefined, next: Keyring<P>, change: Change) {
    if (!isKeyringName(next.name)) throw new KeyringError('INVALID_NAME', 'no keyring can have such a name')
    const after = previous?.revision ?? 0
    const found = after === 0 ? undefined : await vault.read(pathOf(next.name), after)
    // Somebody has saved since, or there is no such keyring.
    if (typeof found === 'string') return undefined
    const before = found && savedIn<P>(next.name, found)
    const keyring = stamp(previous, next, after + 1)
    const now = clock()
    const entry: SavedChange = { id: randomUUID(), revision: keyring.revision, savedAt: now, change }
    const history = [entry, ...(before?.history ?? [])].slice(0, mostHistory)
    const saved = { keyring, dueAt: nextDecisionAt(keyring, now), history }
    if (!(await write(saved, entry.id))) return undefined
    await sweep(keyring).catch(onError)
    return structuredClone(keyring)
  }

  async function write(saved: Saved<P>, id: string): Promise<boolean> {
    const { name, revision } = saved.keyring
    const attempt = () => vault.writeAfter(pathOf(name), fieldsOf(saved), revision - 1)
    const written: Written | undefined = await attempt().catch((error) => {
      // It may have been done, and only the reply been lost: asked again, it is refused if it was.
      if (error instanceof SecretsError && error.code === 'VAULT_UNAVAILABLE') return attempt()
      throw error
    })
    return written !== undefined || isOurs(name, revision, id)
  }

  /** Also when others have saved after it since. */
  async function isOurs(name: string, revision: number, id: string): Promise<boolean> {
    const found = await vault.read(pathOf(name), revision)
    const saved = found === 'destroyed' ? await find(name) : savedIn<P>(name, found)
    return saved?.history.some((entry) => entry.id === id) ?? false
  }

  return {
    load: async (name) => (await find(name))?.keyring,
    list: async () => (await all()).map(({ keyring }) => keyring),
    async due(now) {
      const found = await all()
      for (const { keyring } of found) await sweep(keyring).catch(onError)
      return found.flatMap(({ dueAt, keyring }) => (dueAt !== null && dueAt <= now ? [keyring.name] : []))
    },
    save,
    now: async () => clock(),
    history: async (name) => (await find(name))?.history ?? [],
  }
}
