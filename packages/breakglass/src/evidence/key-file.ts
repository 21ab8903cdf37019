import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { BreakGlassError } from '../error.ts'
import { type EvidenceKey, makeEvidenceKey, readEvidenceKey } from './key.ts'

const ofOthers = 0o077

/**
 * The key in a file (PEM, mode 0600), which is made where there is none. Of several processes that make it at once one wins,
 * and all have the same.
 *
 * @throws BreakGlassError `FILE_FAILED` when it cannot be read or made, or others may read it; `EVIDENCE_INVALID` when it is no key
 */
export function ensureEvidenceKey(path: string): EvidenceKey {
  return readIfThere(path) ?? made(path)
}

/** The key in a file that has to be there. Throws as `ensureEvidenceKey`. */
export function loadEvidenceKey(path: string): EvidenceKey {
  const found = readIfThere(path)
  if (!found) throw new BreakGlassError('FILE_FAILED', `there is no evidence key at ${path}`, { path })
  return found
}

function readIfThere(path: string): EvidenceKey | undefined {
  const file = opened(path)
  if (file === undefined) return undefined
  try {
    if ((fstatSync(file).mode & ofOthers) !== 0) throw readByOthers(path)
    return readEvidenceKey(textOf(file, path))
  } finally {
    closeSync(file)
  }
}

function textOf(file: number, path: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw failed(path, 'read', cause)
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw failed(path, 'read', cause)
  }
}

function made(path: string): EvidenceKey {
  const draft = `${path}.${randomUUID()}.tmp`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeDraft(draft, makeEvidenceKey().pem)
    // A link does not take the place of what another process put there meanwhile, as a rename would.
    linkUnlessThere(draft, path)
  } catch (cause) {
    throw failed(path, 'made', cause)
  } finally {
    rmSync(draft, { force: true })
  }
  return loadEvidenceKey(path)
}

function writeDraft(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
  }
}

function readByOthers(path: string): BreakGlassError {
  const message = `others may read the evidence key ${path}: make it yours alone (chmod 600), or take another key if they did`
  return new BreakGlassError('FILE_FAILED', message, { path })
}

function failed(path: string, what: string, cause: unknown): BreakGlassError {
  const { code } = cause as NodeJS.ErrnoException
  return new BreakGlassError('FILE_FAILED', `the evidence key ${path} cannot be ${what} (${code})`, { path }, { cause })
}
