import { secretSource } from '@rekey/secrets'
import type { ColumnSettings } from '../config/columns.ts'
import { type ColumnKeySource, columnKeySource } from './source.ts'

/** Where the keys of encrypted columns come from, and those of values that lie in an older form. */
export interface ColumnSources {
  keys: ColumnKeySource | undefined
  legacyKeys: ColumnKeySource | undefined
  close(): void
}

/**
 * Nothing is read yet.
 *
 * @param onError hears what goes wrong while nobody asks
 * @throws SecretsError where a variable names no source
 */
export function columnSources(
  { keys, legacyKeys, admitted }: ColumnSettings,
  env: NodeJS.ProcessEnv,
  onError: (error: unknown) => void,
): ColumnSources {
  const open = (named: ColumnSettings['keys']) =>
    named && columnKeySource(named.variable, secretSource(named.source, env, { field: 'encryptionKey', onError }))
  const opened = open(keys)
  const isSame = legacyKeys?.source === keys?.source
  const legacy = !admitted.includes('cbc') ? undefined : isSame ? opened : open(legacyKeys)
  return {
    keys: opened,
    legacyKeys: legacy,
    close() {
      opened?.source.close()
      if (legacy !== opened) legacy?.source.close()
    },
  }
}
