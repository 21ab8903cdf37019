import { statfs } from 'node:fs/promises'
import { asDatabaseError } from '../connection/translate.ts'
import { DatabaseError } from '../error.ts'

/** Reads a server's or initdb's last words: an operator needs to know what to do, not what PostgreSQL said. */
export function failureOf(output: string, facts: { data: string; port?: number }): DatabaseError {
  const lastLines = output.trim().split('\n').slice(-20).join('\n')
  if (/No space left on device|Disk quota exceeded/.test(output)) return diskFull(facts.data)
  if (/Address already in use/.test(output)) return portTaken(facts)
  if (/lock file ".*" already exists|shared memory block .* is still in use/.test(output)) {
    return new DatabaseError(
      'DATA_FOLDER_IN_USE',
      `The data folder ${facts.data} is in use by another PostgreSQL server.\n${lastLines}`,
      { facts },
    )
  }
  if (/database files are incompatible with server/.test(output)) {
    return new DatabaseError('DATA_FOLDER_INCOMPATIBLE', `${facts.data} is not for this PostgreSQL.\n${lastLines}`, {
      facts,
    })
  }
  return new DatabaseError('START_FAILED', `PostgreSQL did not start. Its last words:\n${lastLines}`, { facts })
}

function portTaken(facts: { data: string; port?: number }): DatabaseError {
  return new DatabaseError(
    'PORT_TAKEN',
    `Port ${facts.port}, which PostgreSQL needs, is taken by another program. End that, or set REKEY_PORT_BASE ` +
      '(PostgreSQL gets REKEY_PORT_BASE + 54).',
    { facts },
  )
}

const diskFull = (folder: string, cause?: unknown): DatabaseError =>
  new DatabaseError('DISK_FULL', `The disk that holds ${folder} is full. Make room and start again.`, {
    cause,
    facts: { folder },
  })

/**
 * Turns what stopped a start (our own file operations, the first connection) into a DatabaseError, where it is known.
 */
export async function startFailure(error: unknown, home: string): Promise<unknown> {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(home, error)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const message = `The database's files cannot be used by this user: ${(error as Error).message}`
    return new DatabaseError('DATA_FOLDER_UNREACHABLE', message, { cause: error, facts: { home } })
  }
  // On a full disk the server cannot write down either why it did not start.
  const silent = error instanceof DatabaseError && error.code === 'START_FAILED' && (await isFull(home))
  return silent ? diskFull(home, error) : asDatabaseError(error)
}

async function isFull(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize < 64 * 1024
}
