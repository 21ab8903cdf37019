import { createHash } from 'node:crypto'
import { DatabaseError } from '../error.ts'
import { damaged, type Frame, foreign, readFrames } from './frames.ts'
import { type BackupHeader, type BackupManifest, backupForm, isHeader, isManifest } from './manifest.ts'

/** What a backup is made of, in its order. */
export type BackupPart =
  | { kind: 'database'; header: BackupHeader }
  | { kind: 'table'; name: string }
  | { kind: 'rows'; bytes: Buffer }
  | { kind: 'table-end'; name: string; rows: number; sha256: string }
  | { kind: 'end'; manifest: BackupManifest }

/**
 * The parts of a backup, one after the other. Whatever a part says of those before is checked when it comes, and the last one says
 * all: who got that has read a whole backup.
 *
 * @throws DatabaseError `BACKUP_FOREIGN`, `BACKUP_TOO_NEW`, `BACKUP_DAMAGED`
 */
export async function* readBackup(path: string): AsyncGenerator<BackupPart> {
  const seen = new Seen(path)
  for await (const frame of readFrames(path)) {
    const part = seen.take(frame)
    if (part) yield part
  }
  seen.requireEnd()
}

/** Reads all of it. */
export async function verifyBackup(path: string): Promise<BackupManifest> {
  let manifest: BackupManifest | undefined
  // To the end of the file and not only to that part: nothing may follow it.
  for await (const part of readBackup(path)) if (part.kind === 'end') manifest = part.manifest
  if (!manifest) throw damaged(path, 'it has no end')
  return manifest
}

type Text = { kind: string; [name: string]: unknown }

/** Holds each part against those before it. */
class Seen {
  readonly #path: string
  #isBegun = false
  #isEnded = false
  #databases: { header: BackupHeader; rows: unknown[] }[] = []
  #table: { name: string; rows: number; digest: ReturnType<typeof createHash> } | undefined

  constructor(path: string) {
    this.#path = path
  }

  take(frame: Frame): BackupPart | undefined {
    if (this.#isEnded) throw damaged(this.#path, 'something follows its end')
    if (!this.#isBegun) return this.#begin(frame)
    if (frame.kind === 'D') return this.#rows(frame.bytes)
    const text = (frame.value ?? {}) as Text
    if (text.kind === 'database' && isHeader(text.header)) return this.#database(text.header)
    if (text.kind === 'table' && !this.#table) return this.#begunTable(String(text.name))
    if (text.kind === 'table-end') return this.#endedTable(text)
    if (text.kind === 'end' && isManifest(text.manifest)) return this.#end(text.manifest)
    throw damaged(this.#path, 'its parts are out of order')
  }

  requireEnd(): void {
    if (!this.#isBegun) throw foreign(this.#path)
    if (!this.#isEnded) throw damaged(this.#path, 'it has no end')
  }

  #begin(frame: Frame): undefined {
    const text = frame.kind === 'J' ? (frame.value as Text | null) : null
    if (text?.kind !== 'backup' || typeof text.form !== 'number') throw foreign(this.#path)
    if (text.form > backupForm)
      throw tooNew(`${this.#path} was made by release ${text.release}, in a form that is unknown here`)
    this.#isBegun = true
  }

  #database(header: BackupHeader): BackupPart {
    this.#requireAllTables()
    this.#databases.push({ header, rows: [] })
    return { kind: 'database', header }
  }

  #begunTable(name: string): BackupPart {
    const database = this.#databases.at(-1)
    if (database?.header.tables[database.rows.length]?.name !== name)
      throw damaged(this.#path, 'a table is out of order')
    this.#table = { name, rows: 0, digest: createHash('sha256') }
    return { kind: 'table', name }
  }

  #rows(bytes: Buffer): BackupPart {
    if (!this.#table) throw damaged(this.#path, 'it has rows of no table')
    this.#table.digest.update(bytes)
    this.#table.rows += lineBreaks(bytes)
    return { kind: 'rows', bytes }
  }

  #endedTable({ name, rows, sha256 }: Text): BackupPart {
    const table = this.#table
    if (table?.name !== name || table?.rows !== rows || table?.digest.digest('hex') !== sha256) {
      throw damaged(this.#path, `the rows of ${name} are not those that were written`)
    }
    const ended = { name: String(name), rows: Number(rows), sha256: String(sha256) }
    this.#databases.at(-1)?.rows.push(ended)
    this.#table = undefined
    return { kind: 'table-end', ...ended }
  }

  /** Of the database before: its rows have to be there as a whole. */
  #requireAllTables(): void {
    const last = this.#databases.at(-1)
    if (this.#table || (last && last.rows.length < last.header.tables.length)) {
      throw damaged(this.#path, 'a table is missing')
    }
  }

  #end(manifest: BackupManifest): BackupPart {
    this.#requireAllTables()
    const said = manifest.databases.map(({ rows, needs: _needs, ...header }) => ({ header, rows }))
    if (JSON.stringify(said) !== JSON.stringify(this.#databases)) {
      throw damaged(this.#path, 'its manifest speaks of something else')
    }
    this.#isEnded = true
    return { kind: 'end', manifest }
  }
}

/** COPY writes a row a line, and what is a line break in a value as two other characters. */
function lineBreaks(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1
  return count
}

export function tooNew(what: string): DatabaseError {
  return new DatabaseError('BACKUP_TOO_NEW', `${what}. Restore it with the release that made it, or a newer one.`)
}
