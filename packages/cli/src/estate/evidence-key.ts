import { resolve } from 'node:path'
import { CliError } from '../error.ts'
import type { Home } from './home.ts'

/**
 * The file of the key that evidence is signed by: the one of REKEY_EVIDENCE_KEY (`file:/path`), or the home's.
 *
 * @throws CliError `WRONG_USE`
 */
export function evidenceKeyFile(env: Readonly<Record<string, string | undefined>>, home: Home): string {
  const source = env.REKEY_EVIDENCE_KEY
  if (!source) return home.evidenceKeyFile
  const [, path] = /^file:(.+)$/s.exec(source) ?? []
  // Not repeated: it may be the key itself.
  if (path === undefined) throw new CliError('WRONG_USE', 'REKEY_EVIDENCE_KEY names a file: file:/path')
  return resolve(path)
}
