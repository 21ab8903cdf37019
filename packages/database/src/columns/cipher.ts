import { DatabaseError, type DatabaseErrorCode } from '../error.ts'
import { keyOfRecord, openGcm, partsOf, sealGcm } from '../sealing/gcm.ts'
import { openCbc } from './cbc.ts'
import { type ColumnKeys, type EncryptedColumn, recordOf } from './column.ts'
import { columnFormat, columnVersionOf } from './form.ts'

/** The forms of values that are older than our own and may be read. */
export interface LegacyForms {
  /** Are texts that are not encrypted read as they are? */
  plain: boolean
  /** The keys of AES-256-CBC, 32 bytes each, the newest first; absent where values of that form are refused. */
  cbcKeys?: readonly Uint8Array[]
}

/** Encrypts and decrypts the values of columns. */
export interface ColumnCipher {
  /** The version that is sealed by at this moment. */
  readonly sealingId: string | undefined
  /**
   * @param rowId the row's id as text, as PostgreSQL writes it: a uuid in small letters
   * @returns `c1.<version>.<iv>.<ciphertext and tag>`
   * @throws DatabaseError `COLUMN_KEY_MISSING`
   */
  seal(column: Pick<EncryptedColumn, 'table' | 'column'>, rowId: string, text: string): string
  /**
   * @throws DatabaseError `COLUMN_KEY_MISSING`, `SEAL_DAMAGED`, `LEGACY_FORM_REFUSED`, `LEGACY_VALUE_AMBIGUOUS`,
   *   `LEGACY_VALUE_UNREADABLE`
   */
  open(column: Pick<EncryptedColumn, 'table' | 'column'>, rowId: string, stored: string): string
}

const noLegacyForms: LegacyForms = { plain: false }

/** What keeps one value from being opened, and no other. */
export const errorsOfOneValue: readonly DatabaseErrorCode[] = [
  'SEAL_DAMAGED',
  'LEGACY_FORM_REFUSED',
  'LEGACY_VALUE_AMBIGUOUS',
  'LEGACY_VALUE_UNREADABLE',
]

/**
 * AES-256-GCM under a key of its own for each value, derived from the version's key. A value is bound to its table, column
 * and row.
 *
 * @param legacy asked for at each value of an older form
 */
export function columnCipher(keys: ColumnKeys, legacy: () => LegacyForms = () => noLegacyForms): ColumnCipher {
  return {
    get sealingId() {
      return keys.sealing?.id
    },
    seal(column, rowId, text) {
      const record = recordOf(column, rowId)
      const { sealing } = keys
      if (!sealing) throw new DatabaseError('COLUMN_KEY_MISSING', `there is no key to encrypt ${record} by`)
      const key = keyOfRecord(sealing.key, purpose, record)
      return sealGcm(key, `${columnFormat}.${sealing.id}`, record, Buffer.from(text))
    },
    open(column, rowId, stored) {
      const record = recordOf(column, rowId)
      const version = columnVersionOf(stored)
      if (version === 'plain') return plain(stored, record, legacy())
      return version === 'cbc' ? cbc(stored, record, legacy()) : ours(keys, stored, record)
    },
  }
}

const purpose = 'rekey column'

function ours(keys: ColumnKeys, stored: string, record: string): string {
  const parts = partsOf(stored, columnFormat, record)
  const key = keys.find(parts.id)
  if (!key) {
    throw new DatabaseError('COLUMN_KEY_MISSING', `${record} is encrypted by ${parts.id}, which is not held`, {
      facts: { version: parts.id },
    })
  }
  return openGcm(keyOfRecord(key, purpose, record), parts, record).toString()
}

function plain(stored: string, record: string, legacy: LegacyForms): string {
  if (legacy.plain) return stored
  throw refused(record, 'plain')
}

function cbc(stored: string, record: string, { cbcKeys }: LegacyForms): string {
  if (cbcKeys) return openCbc(cbcKeys, stored, record)
  throw refused(record, 'cbc')
}

function refused(record: string, form: string): DatabaseError {
  return new DatabaseError('LEGACY_FORM_REFUSED', `${record} is stored in the form "${form}", which is not admitted`, {
    facts: { form },
  })
}
