/**
 * Files of what was revoked: a line of JSON each, only ever appended, in one write, so that any number of instances on a machine may
 * share one. A line that stands there twice says nothing new.
 */
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { z } from 'zod'
import { ServiceError } from '../error.ts'

/**
 * The lines of a file; none where there is no file.
 *
 * @throws ServiceError `JOURNAL_FAILED` when a line is damaged, or the file cannot be read: what it lost might have been revoked
 */
export async function readJournal<T>(path: string, entry: z.ZodType<T>): Promise<T[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return ''
    throw journalFailed(path, 'cannot be read', cause)
  })
  // What has no end was cut short by a crash: it was not durable, so nobody relied on it.
  const lines = text.split('\n').slice(0, -1)
  return lines.filter((line) => line.endsWith('}')).map((line) => parse(path, line, entry))
}

function parse<T>(path: string, line: string, entry: z.ZodType<T>): T {
  try {
    return entry.parse(JSON.parse(line))
  } catch (cause) {
    throw journalFailed(path, 'is damaged: restore it, or remove it if nothing that it names matters any more', cause)
  }
}

/**
 * Appends lines; they are on the disk when it resolves.
 *
 * @throws ServiceError `JOURNAL_FAILED`
 */
export async function appendToJournal(path: string, news: readonly object[]): Promise<void> {
  // A line break at both ends: what a crash cut short before does not spoil the line that follows.
  const text = news.map((known) => `\n${JSON.stringify(known)}\n`).join('')
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(path, 'a', 0o600)
    await file
      .appendFile(text)
      .then(() => file.sync())
      .finally(() => file.close())
    await syncFolder(dirname(path))
  } catch (cause) {
    throw journalFailed(path, 'cannot be written', cause)
  }
}

/** A file is only as durable as its name in the folder. */
async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r')
  await opened.sync().finally(() => opened.close())
}

/** What is thrown where the journal does not do what it is there for. */
export function journalFailed(path: string, what: string, cause?: unknown): ServiceError {
  return new ServiceError('JOURNAL_FAILED', `the revocation journal ${path} ${what}`, { cause })
}
