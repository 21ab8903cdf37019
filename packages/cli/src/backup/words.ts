import type { BackupManifest } from '@rekey/database'
import { counted } from '../terminal/counted.ts'

/** What a backup holds, for people. */
export function manifestText({ release, databases }: BackupManifest): string {
  const lines = databases.flatMap(({ name, takenAt, goesBackTo, epoch, revision, rows, needs, rootKeys }) => [
    `  ${name}: as of ${takenAt}, revision ${epoch}.${revision}, ${counted(count(rows), 'row')} in ${counted(rows.length, 'table')}`,
    ...(goesBackTo < takenAt ? [`    restored as of ${goesBackTo}; the journal had not been applied to it since`] : []),
    `    root keys that it needs: ${listed(newestFirst(rootKeys, needs.rootKeys))}`,
    ...(needs.columnKeys.length > 0 ? [`    keys of encrypted columns: ${listed(needs.columnKeys)}`] : []),
  ])
  return [`made by release ${release}`, ...lines].join('\n')
}

/** What something is sealed under, and the one that the next thing would be. */
export function newestFirst([newest]: readonly string[], named: readonly string[]): string[] {
  return [...new Set([...(newest === undefined ? [] : [newest]), ...named])]
}

const count = (rows: readonly { rows: number }[]): number => rows.reduce((sum, table) => sum + table.rows, 0)

const listed = (ids: readonly string[]): string => (ids.length === 0 ? 'none' : ids.join(', '))
