/**
 * What went wrong, for programs. An operator acts on each of these differently, which is why they are told apart.
 *
 * Embedded server: `PORT_TAKEN`, `DATA_FOLDER_IN_USE`, `DATA_FOLDER_UNREACHABLE`, `DATA_FOLDER_INCOMPATIBLE`,
 * `BINARIES_MISSING`, `START_FAILED`. Connections: `UNREACHABLE`, `AUTHENTICATION_FAILED`, `DATABASE_MISSING`,
 * `TOO_MANY_CONNECTIONS`, `PERMISSION_DENIED`, `READ_ONLY`, `UNIQUE_VIOLATION`, `TRY_AGAIN`, `INVALID_URL`,
 * `UNSAFE_INTEGER`. Both: `DISK_FULL`. Migrations: `MIGRATION_INVALID`, `MIGRATION_CHANGED`, `MIGRATION_FAILED`,
 * `SCHEMA_TOO_NEW`, `SCHEMA_TOO_OLD`. Listener: `LISTEN_UNSUPPORTED`. Sealing: `ROOT_KEY_INVALID`, `ROOT_KEY_MISMATCH`,
 * `ROOT_KEY_MISSING`, `ROOT_KEY_UNAVAILABLE`, `SEAL_DAMAGED`. Encrypted columns: `COLUMN_KEY_MISSING`,
 * `LEGACY_FORM_REFUSED`, `LEGACY_FORM_LEFT`, `LEGACY_VALUE_AMBIGUOUS`, `LEGACY_VALUE_UNREADABLE`. Audit: `AUDIT_DAMAGED`.
 * Backups: `BACKUP_FOREIGN`, `BACKUP_DAMAGED`, `BACKUP_TOO_NEW`, `BACKUP_INCOMPLETE`; what they are restored into:
 * `INSTANCES_LIVE`, `DATABASE_NOT_EMPTY`, `DATABASE_FOREIGN`.
 */
export type DatabaseErrorCode =
  | 'PORT_TAKEN'
  | 'DATA_FOLDER_IN_USE'
  | 'DATA_FOLDER_UNREACHABLE'
  | 'DATA_FOLDER_INCOMPATIBLE'
  | 'BINARIES_MISSING'
  | 'START_FAILED'
  | 'DISK_FULL'
  | 'UNREACHABLE'
  | 'AUTHENTICATION_FAILED'
  | 'DATABASE_MISSING'
  | 'TOO_MANY_CONNECTIONS'
  | 'PERMISSION_DENIED'
  | 'READ_ONLY'
  | 'UNIQUE_VIOLATION'
  | 'TRY_AGAIN'
  | 'INVALID_URL'
  | 'UNSAFE_INTEGER'
  | 'MIGRATION_INVALID'
  | 'MIGRATION_CHANGED'
  | 'MIGRATION_FAILED'
  | 'SCHEMA_TOO_NEW'
  | 'SCHEMA_TOO_OLD'
  | 'LISTEN_UNSUPPORTED'
  | 'ROOT_KEY_INVALID'
  | 'ROOT_KEY_MISMATCH'
  | 'ROOT_KEY_MISSING'
  | 'ROOT_KEY_UNAVAILABLE'
  | 'SEAL_DAMAGED'
  | 'COLUMN_KEY_MISSING'
  | 'LEGACY_FORM_REFUSED'
  | 'LEGACY_FORM_LEFT'
  | 'LEGACY_VALUE_AMBIGUOUS'
  | 'LEGACY_VALUE_UNREADABLE'
  | 'AUDIT_DAMAGED'
  | 'BACKUP_FOREIGN'
  | 'BACKUP_DAMAGED'
  | 'BACKUP_TOO_NEW'
  | 'BACKUP_INCOMPLETE'
  | 'INSTANCES_LIVE'
  | 'DATABASE_NOT_EMPTY'
  | 'DATABASE_FOREIGN'

/** What an error is about: ports, paths, SQL states. Never a password and never a value of a row. */
export type DatabaseErrorFacts = Readonly<Record<string, string | number | undefined>>

/** The one error class of this package. `message` is for the operator, `code` and `facts` for programs. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly code: DatabaseErrorCode
  readonly facts: DatabaseErrorFacts

  constructor(code: DatabaseErrorCode, message: string, details: { cause?: unknown; facts?: DatabaseErrorFacts } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.facts = details.facts ?? {}
  }
}
