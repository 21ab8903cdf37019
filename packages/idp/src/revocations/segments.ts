import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { IdpError } from '../error.ts'
import { type Revocation, revocation } from './record.ts'

const dayMs = 86_400_000

/**
 * The journal of revocations: a folder with a file for each day, one line in JSON for each row. Lines are only ever appended, in one
 * write, so that any number of instances on a machine may share it; a line that stands there twice says nothing new. It stays small
 * because a day's file is removed when no backup is that old.
 */
export interface Segments {
  /** @throws IdpError `JOURNAL_FAILED` when a line is damaged, or a file cannot be read: what it lost might have been revoked */
  read(): Promise<Revocation[]>
  /** On the disk when it resolves. @throws IdpError `JOURNAL_FAILED` */
  append(news: readonly Revocation[]): Promise<void>
  /** Removes what is older. */
  prune(before: number): Promise<void>
}

export function segmentsIn(folder: string): Segments {
  return {
    async read() {
      const all = await Promise.all((await namesIn(folder)).map((name) => readSegment(join(folder, name))))
      return all.flat()
    },
    async append(news) {
      for (const [name, lines] of byDay(news)) await append(folder, name, lines)
    },
    async prune(before) {
      // A day is over when all of it is.
      const last = nameOf(before - dayMs)
      for (const name of await namesIn(folder)) if (name < last) await rm(join(folder, name), { force: true })
    },
  }
}

const nameOf = (at: number): string => `${new Date(at).toISOString().slice(0, 10)}.jsonl`

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => /^\d{4}-\d\d-\d\d\.jsonl$/.test(name)).sort()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw failed(folder, 'cannot be read', cause)
  }
}

function byDay(news: readonly Revocation[]): Map<string, string[]> {
  const days = new Map<string, string[]>()
  for (const one of news) {
    const lines = days.get(nameOf(one.at)) ?? []
    lines.push(JSON.stringify(one))
    days.set(nameOf(one.at), lines)
  }
  return days
}

async function append(folder: string, name: string, lines: readonly string[]): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const file = await open(join(folder, name), 'a', 0o600)
    // A line break at both ends: what a crash cut short before does not spoil the line that follows.
    await file
      .appendFile(`\n${lines.join('\n')}\n`)
      .then(() => file.sync())
      .finally(() => file.close())
    const opened = await open(folder, 'r')
    await opened.sync().finally(() => opened.close())
  } catch (cause) {
    throw failed(join(folder, name), 'cannot be written', cause)
  }
}

async function readSegment(path: string): Promise<Revocation[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    // Another instance may have removed it a moment ago, because it is too old.
    if (cause.code === 'ENOENT') return ''
    throw failed(path, 'cannot be read', cause)
  })
  const lines = text.split('\n').slice(0, -1)
  return lines.filter((line) => line.endsWith('}')).map((line) => parse(line, path))
}

function parse(line: string, path: string): Revocation {
  try {
    return revocation.parse(JSON.parse(line))
  } catch (cause) {
    throw failed(path, 'is damaged: restore it, or remove it if nothing that it names matters any more', cause)
  }
}

function failed(path: string, what: string, cause: unknown): IdpError {
  return new IdpError('JOURNAL_FAILED', `the revocation journal ${path} ${what}`, { cause })
}
