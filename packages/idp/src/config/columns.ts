import { usuallyKeptMs } from '@rekey/database'
import { duration } from '@rekey/service'
import { z } from 'zod'
import { IdpError } from '../error.ts'

/** Forms in which values may lie in a column that were written before it was encrypted as it is now. */
export const legacyForms = ['plain', 'cbc'] as const
export type LegacyForm = (typeof legacyForms)[number]

const dayMs = 86_400_000

export const columnVariables = {
  REKEY_COLUMN_KEY: z.string().min(1).optional(),
  ENCRYPTION_KEY_VAULT_PATH: z.string().min(1).optional(),
  REKEY_LEGACY_COLUMN_KEY: z.string().min(1).optional(),
  REKEY_ADMIT_LEGACY_COLUMNS: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((name) => name !== ''))
    .pipe(z.array(z.enum(legacyForms)))
    .default([]),
  REKEY_COLUMN_ROTATE_EVERY: duration.default(365 * dayMs),
  REKEY_BACKUPS_KEPT: duration.default(usuallyKeptMs),
  REKEY_ESCROW_FOR: duration.default(0),
}

type Given = z.infer<z.ZodObject<typeof columnVariables>>

/** A secret source, and the variable that names it. */
export interface NamedSource {
  variable: string
  source: string
}

export interface ColumnSettings {
  /** Where the keys come from; without it they are made here, and lie sealed in the database. */
  keys: NamedSource | undefined
  /** Where the keys of AES-256-CBC come from, which is read by and nothing else. */
  legacyKeys: NamedSource | undefined
  admitted: readonly LegacyForm[]
  rotateEveryMs: number
  /** For so long backups are kept: a key that they need is kept as long. */
  backupsKeptMs: number
  /** For so long a key is kept in escrow in the place of that. */
  escrowForMs: number
}

/** @throws IdpError `CONFIG_INVALID` */
export function columnsOf(given: Given): ColumnSettings {
  const keys = keysOf(given)
  const legacy = given.REKEY_LEGACY_COLUMN_KEY
  return {
    keys,
    legacyKeys: legacy === undefined ? keys : { variable: 'REKEY_LEGACY_COLUMN_KEY', source: legacy },
    admitted: [...new Set(given.REKEY_ADMIT_LEGACY_COLUMNS)],
    rotateEveryMs: given.REKEY_COLUMN_ROTATE_EVERY,
    backupsKeptMs: given.REKEY_BACKUPS_KEPT,
    escrowForMs: given.REKEY_ESCROW_FOR,
  }
}

function keysOf({ REKEY_COLUMN_KEY: source, ENCRYPTION_KEY_VAULT_PATH: path }: Given): NamedSource | undefined {
  if (source !== undefined && path !== undefined) {
    throw new IdpError(
      'CONFIG_INVALID',
      'REKEY_COLUMN_KEY and ENCRYPTION_KEY_VAULT_PATH say the same: give one of them',
    )
  }
  if (source !== undefined) return { variable: 'REKEY_COLUMN_KEY', source }
  if (path === undefined) return undefined
  return { variable: 'ENCRYPTION_KEY_VAULT_PATH', source: `vault:${path}#encryptionKey` }
}
