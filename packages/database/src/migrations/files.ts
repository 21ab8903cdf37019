import { hash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { DatabaseError } from '../error.ts'

/** A package's migrations: a folder of files `0001-name.sql`, forward only. */
export interface MigrationSource {
  package: string
  /** A `file:` URL. A folder that does not exist is an error. */
  folder: URL
}

export interface Migration {
  package: string
  number: number
  name: string
  /** Its first line is `-- breaking`: a release that does not know it must not run on this schema. */
  breaking: boolean
  /** SHA-256 of the text with unix line ends: git may change those. */
  checksum: string
  sql: string
}

const fileName = /^(\d{4})-([a-z0-9]+(?:-[a-z0-9]+)*)\.sql$/
// "BEGIN;" ends with a semicolon only as a statement of its own: the BEGIN of a PL/pgSQL body does not.
const transactionControl =
  /^\s*(?:begin|start transaction|commit|end transaction|rollback)(?:\s+(?:work|transaction))?\s*;/im

/** Reads all files in the order in which they apply: sources as given, numbers ascending. Throws MIGRATION_INVALID. */
export async function readMigrations(sources: readonly MigrationSource[]): Promise<Migration[]> {
  const perSource = await Promise.all(sources.map(readSource))
  return perSource.flat()
}

async function readSource(source: MigrationSource): Promise<Migration[]> {
  const names = (await listFolder(source)).filter((name) => name.endsWith('.sql')).sort()
  const migrations = await Promise.all(names.map((name) => readMigration(source, name)))
  for (const [index, migration] of migrations.entries()) {
    const previous = migrations[index - 1]
    if (previous?.number === migration.number) {
      throw invalid(source, migration.name, `its number is also that of ${previous.name}`)
    }
  }
  return migrations
}

async function listFolder(source: MigrationSource): Promise<string[]> {
  try {
    return await readdir(source.folder)
  } catch (cause) {
    throw new DatabaseError('MIGRATION_INVALID', `The migrations of ${source.package} cannot be read.`, { cause })
  }
}

async function readMigration(source: MigrationSource, file: string): Promise<Migration> {
  const [, number, name] = fileName.exec(file) ?? []
  if (!number || !name) throw invalid(source, file, 'a name looks like 0001-what-it-does.sql')
  const sql = (await readFile(new URL(file, folderUrl(source)), 'utf8')).replaceAll('\r\n', '\n')
  if (transactionControl.test(sql)) throw invalid(source, file, 'a file is one transaction and must not end it itself')
  return {
    package: source.package,
    number: Number(number),
    name,
    breaking: sql.split('\n', 1)[0]?.trim() === '-- breaking',
    checksum: hash('sha256', sql),
    sql,
  }
}

const folderUrl = ({ folder }: MigrationSource): URL =>
  folder.href.endsWith('/') ? folder : new URL(`${folder.href}/`)

function invalid(source: MigrationSource, file: string, why: string): DatabaseError {
  return new DatabaseError('MIGRATION_INVALID', `Migration ${source.package}/${file} cannot be used: ${why}.`, {
    facts: { package: source.package, file },
  })
}
