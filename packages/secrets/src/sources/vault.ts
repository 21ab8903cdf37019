/** Versions of one path of Vault, each with a value in the same field. */
import { systemClock } from '@rekey/keyring'
import { SecretsError } from '../error.ts'
import type { Listed } from '../vault/kv.ts'
import { openVault, type Vault } from '../vault/open.ts'
import { vaultIn } from '../vault/settings.ts'
import type { SourceOptions } from './open.ts'
import { isNewest, isSame, requireOne, type SecretSource, without } from './source.ts'

const restMs = 5_000

/** @param name a path, with or without the mount before it and `data/` after that, and `#` and the name of a field */
export function vaultSource(name: string, env: NodeJS.ProcessEnv, options: SourceOptions): SecretSource {
  const { field: defaultField = 'encryptionKey', onError } = options
  const settings = vaultIn(env)
  if (!settings) throw invalid('a source in Vault needs VAULT_ADDR, and VAULT_TOKEN or VAULT_TOKEN_FILE')
  const [given = '', field = defaultField, ...more] = name.split('#')
  const path = below(settings.mount, given)
  if (path === undefined || field === '' || more.length > 0) {
    throw invalid('vault: is followed by a path, and by # and a field if you like')
  }
  return new VaultSource(openVault(settings, onError ? { onError } : {}), path, field)
}

/** As the API writes it, as the command line does, or without the mount. Nothing in it that a URL takes for something else. */
function below(mount: string, given: string): string | undefined {
  const plain = given.replace(/^\/+|\/+$/g, '')
  const start = [`${mount}/data/`, `${mount}/`].find((prefix) => plain.startsWith(prefix)) ?? ''
  const path = plain.slice(start.length)
  return /^(?!\.{1,2}(\/|$))[\w.-]+(\/(?!\.{1,2}(\/|$))[\w.-]+)*$/.test(path) ? path : undefined
}

class VaultSource implements SecretSource {
  readonly description: string
  readonly restMs = restMs
  readonly #vault: Vault
  readonly #path: string
  readonly #field: string
  /** What versions hold, which never changes; undefined where that is no value. */
  #known = new Map<string, string | undefined>()

  constructor(vault: Vault, path: string, field: string) {
    this.description = `vault:${path}#${field}`
    this.#vault = vault
    this.#path = path
    this.#field = field
  }

  async values(): Promise<string[]> {
    const { values } = await this.#look()
    if (values.length === 0) throw new SecretsError('SOURCE_MISSING', `there is nothing in ${this.description}`)
    return values
  }

  isWritable = async () => true

  async add(value: string): Promise<void> {
    requireOne(value, this.description)
    const { values, listed, newest } = await this.#look()
    if (isNewest(value, values, this.description)) return
    // Whatever else stands there stays.
    const found = newest && (await this.#vault.read(this.#path, newest.version))
    const fields = typeof found === 'object' ? found.fields : {}
    const after = listed[0]?.version ?? 0
    const written = await this.#vault.writeAfter(this.#path, { ...fields, [this.#field]: value }, after)
    // A reply may have been lost after it was written, and the request repeated: then what is there is ours.
    if (written || (await this.#look()).values[0] === value) return
    throw new SecretsError('SOURCE_UNAVAILABLE', `somebody else has just changed ${this.description}`)
  }

  async remove(value: string): Promise<void> {
    const { values, listed } = await this.#look()
    if (values.some((other) => isSame(other, value))) without(value, values, this.description)
    // One that was only deleted could come back.
    const over = listed.filter((version) => {
      const known = this.#known.get(keyOf(version))
      return !version.isDestroyed && known !== undefined && isSame(known, value)
    })
    await this.#vault.destroy(
      this.#path,
      over.map(({ version }) => version),
    )
  }

  close(): void {
    this.#vault.close()
  }

  /** What can be read now, the newest first. A value that was written again counts where it is newest. */
  async #look() {
    const listed = await this.#vault.versions(this.#path)
    const kept = listed.filter(({ isDestroyed }) => !isDestroyed)
    this.#known = new Map([...this.#known].filter(([key]) => kept.some((version) => keyOf(version) === key)))
    const listedAsReadable = kept.filter(({ deletedAt }) => deletedAt === undefined || deletedAt > systemClock())
    await Promise.all(listedAsReadable.map((version) => this.#learn(version)))
    // One may have been deleted since it was listed.
    const readable = listedAsReadable.filter((version) => this.#known.has(keyOf(version)))
    const [newest] = readable
    if (newest && this.#known.get(keyOf(newest)) === undefined) {
      throw new SecretsError('SOURCE_INVALID', `the newest version of ${this.description} has no value in this field`)
    }
    const values = readable.flatMap((version) => this.#known.get(keyOf(version)) ?? [])
    return { listed, newest, values: [...new Set(values)] }
  }

  async #learn(version: Listed): Promise<void> {
    const key = keyOf(version)
    if (this.#known.has(key)) return
    const found = await this.#vault.read(this.#path, version.version)
    if (found === 'missing') {
      throw new SecretsError('SOURCE_UNAVAILABLE', `a version of ${this.description} is listed and cannot be read yet`)
    }
    if (found !== 'destroyed') this.#known.set(key, valueIn(found.fields[this.#field]))
  }
}

/** Older versions may be of a time when the path had other fields. */
function valueIn(field: unknown): string | undefined {
  const text = typeof field === 'string' ? field.trim() : ''
  return /^[^\s,]+$/.test(text) ? text : undefined
}

const invalid = (message: string) => new SecretsError('SOURCE_INVALID', message)

const keyOf = ({ version, createdAt }: Listed) => `${version} ${createdAt}`
