import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { ServiceError } from '../error.ts'
import { type DeclaredSecret, readDeclared } from './declared.ts'

/** The secrets that a file declares, as it stands now. */
export interface DeclaredSecrets {
  /** Those that were read last, and why the file as it is now is not good, where that is so. */
  now(): { secrets: readonly DeclaredSecret[]; problem?: string }
}

const largestFile = 4 * 1_048_576

/**
 * Opens REKEY_INVENTORY. The file is looked at whenever somebody asks, and read anew where it is another one than before; what was
 * read last stays while it is wrong, and that is told.
 *
 * @throws ServiceError `CONFIG_INVALID` when it is wrong at the start
 */
export function openDeclared(path: string | undefined): DeclaredSecrets {
  if (path === undefined) return { now: () => ({ secrets: [] }) }
  let mark = markOf(path)
  let held: { secrets: readonly DeclaredSecret[]; problem?: string } = { secrets: readFile(path) }
  return {
    now() {
      const found = markOf(path)
      if (found !== mark) {
        mark = found
        held = readAgain(path, held.secrets)
      }
      return held
    },
  }
}

function readAgain(path: string, before: readonly DeclaredSecret[]) {
  try {
    return { secrets: readFile(path) }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    return { secrets: before, problem: error.message }
  }
}

/** What a file that was replaced, written or mounted anew differs in. */
function markOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat ? `${stat.ino} ${stat.size} ${stat.mtimeMs}` : ''
}

function readFile(path: string): DeclaredSecret[] {
  let text: string
  try {
    const stat = statSync(path)
    if (!stat.isFile() || stat.size > largestFile) throw wrong('it is no file, or larger than 4 MiB')
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof ServiceError) throw error
    throw wrong(`it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`)
  }
  return readDeclared(basename(path), text)
}

const wrong = (why: string) => new ServiceError('CONFIG_INVALID', `REKEY_INVENTORY: ${why}`)
