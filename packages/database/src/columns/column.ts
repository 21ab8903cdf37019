/** A column whose values are encrypted. */
export interface EncryptedColumn {
  table: string
  column: string
  /** The column by which a row is known: a value opens nowhere but in its row, so it must never change. */
  id: string
}

/** A key that columns are encrypted by: 32 bytes. */
export interface ColumnKey {
  /** Of the version of the keyring. */
  id: string
  key: Uint8Array
}

/** The keys as they are held; which they are, and which of them seals, may change between two calls. */
export interface ColumnKeys {
  /** The key of a version that may be opened by. */
  find(id: string): Uint8Array | undefined
  /** The one to seal by; `undefined` while there is none. */
  readonly sealing: ColumnKey | undefined
}

/** Where a value lies: it is bound to that place. */
export function recordOf({ table, column }: Pick<EncryptedColumn, 'table' | 'column'>, rowId: string): string {
  return `${table}/${column}/${rowId}`
}
