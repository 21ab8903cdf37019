import type { ColumnKey } from '@rekey/database'
import type { SecretSource } from '@rekey/secrets'
import { IdpError } from '../error.ts'
import { columnKeyOf } from './material.ts'

/** The keys that a source gives, the newest first. */
export type GivenKeys = readonly [ColumnKey, ...ColumnKey[]]

/** A source of column keys, and all that was ever read from it here: what left it may still be needed. */
export interface ColumnKeySource {
  /** The variable that names it. */
  readonly variable: string
  readonly source: SecretSource
  /** @throws IdpError `COLUMN_KEY_WRONG` for what is no key; SecretsError while it cannot be read */
  read(): Promise<GivenKeys>
  /** Goes by these from now on. */
  accept(keys: GivenKeys): void
  /** By which it goes. */
  readonly accepted: GivenKeys | undefined
  find(id: string): Uint8Array | undefined
  /** All that were read, the newest last. */
  all(): Uint8Array[]
  /** Holds a key that was written into the source just now. */
  hold(key: ColumnKey): void
}

export function columnKeySource(variable: string, source: SecretSource): ColumnKeySource {
  const known = new Map<string, Uint8Array>()
  let accepted: GivenKeys | undefined
  return {
    variable,
    source,
    get accepted() {
      return accepted
    },
    accept(keys) {
      accepted = keys
    },
    async read() {
      const keys = keysIn(await source.values(), variable)
      for (const { id, key } of keys) known.set(id, key)
      return keys
    },
    find: (id) => known.get(id),
    all: () => [...known.values()],
    hold: ({ id, key }) => known.set(id, key),
  }
}

/** Each once: the same key twice is the same version. */
function keysIn(values: readonly string[], variable: string): GivenKeys {
  const texts = [...new Set(values.map((value) => value.trim().toLowerCase()))]
  const [newest, ...older] = texts.map((text) => {
    if (/^[0-9a-f]{64}$/.test(text)) return columnKeyOf(Buffer.from(text, 'hex'))
    throw new IdpError('COLUMN_KEY_WRONG', `${variable}: a column key is 64 hexadecimal digits (32 bytes)`)
  })
  if (newest) return [newest, ...older]
  throw new IdpError('COLUMN_KEY_WRONG', `${variable}: there is no column key`)
}
