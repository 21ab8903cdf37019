/** Where a secret stands: in a variable or a field itself, or in a file that may change while this process runs. */
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BffError } from '../error.ts'

/** A secret that is asked for at each use, so that a changed file takes effect without a restart. */
export interface SecretSource {
  /** What an operator knows it by: a variable, or a field of a file. */
  readonly name: string
  readonly isFile: boolean
  /** Without white space around it. Never empty. */
  current(): string
  /**
   * Looks at the file each second, for all who ask `current` too. What was read last stays in force while the file is missing or
   * empty, which is warned about once for each outage.
   *
   * @param onChange is told of each text that is another one than before
   * @returns ends it
   */
  watch(onChange: (text: string) => void, watching: Watching): () => Promise<void>
}

/** What whoever watches needs of the world. */
export interface Watching {
  /** The `every` of @rekey/service. */
  every: (ms: number, act: () => Promise<unknown>, onError: (error: unknown) => void) => () => Promise<void>
  /** Told of a file that cannot be read, and of an `onChange` that throws: once until all is well again. */
  warn: (message: string) => void
}

/** Nobody has that many secrets; whoever names a log file or a device by mistake is told. */
const largestFile = 65_536
const lookEveryMs = 1_000

/**
 * The secret that `NAME` holds, or `file:/path` in it, or the file that `NAME_FILE` names. Empty variables count as not set.
 *
 * @returns nothing when neither is set
 * @throws BffError `CONFIG_INVALID` when both are, or the file cannot be read; no message has the value of either in it
 */
export function secretSource(env: NodeJS.ProcessEnv, name: string): SecretSource | undefined {
  return sourceOf({ name, value: env[name], fileName: `${name}_FILE`, file: env[`${name}_FILE`] })
}

/** The same for whatever has a field, and a second one for a file. @throws BffError `CONFIG_INVALID` */
export function sourceOf(given: {
  name: string
  value: string | undefined
  fileName: string
  file: string | undefined
}): SecretSource | undefined {
  const value = given.value?.trim() || undefined
  const file = given.file?.trim() || undefined
  if (value !== undefined && file !== undefined) {
    throw new BffError('CONFIG_INVALID', `${given.name} and ${given.fileName} are both set: which one is meant?`)
  }
  if (file !== undefined) return fileSource(given.fileName, pathOf(given.fileName, file))
  if (value === undefined) return undefined
  return value.startsWith('file:') ? fileSource(given.name, pathOf(given.name, value)) : plainSource(given.name, value)
}

/** The secrets in a text, the newest first: a line each, or with commas between them. @throws BffError `CONFIG_INVALID` */
export function secretsIn(name: string, text: string): string[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const secrets = lines.join(',').split(',')
  const trimmed = secrets.map((secret) => secret.trim())
  if (trimmed.includes('')) throw new BffError('CONFIG_INVALID', `${name}: there is nothing between two commas`)
  return [...new Set(trimmed)]
}

function plainSource(name: string, text: string): SecretSource {
  return { name, isFile: false, current: () => text, watch: () => async () => undefined }
}

function fileSource(name: string, path: string): SecretSource {
  let current = readAtStart(name, path)
  const look = () => {
    current = readSecret(path)
    return current
  }
  const watch: SecretSource['watch'] = (onChange, { every, warn }) => {
    let told = current
    let isFailing = false
    const act = async () => {
      const text = look()
      if (text !== told) onChange(text)
      told = text
      isFailing = false
    }
    return every(lookEveryMs, act, (error) => {
      if (!isFailing) warn(`${name}: ${whyOf(error)}; what was read last stays in force`)
      isFailing = true
    })
  }
  return { name, isFile: true, current: () => current, watch }
}

function pathOf(name: string, text: string): string {
  const path = text.startsWith('file:') ? text.slice('file:'.length) : text
  try {
    if (path.startsWith('//')) return fileURLToPath(`file:${path}`)
  } catch {
    throw new BffError('CONFIG_INVALID', `${name}: file: must be followed by a path of this machine`)
  }
  if (path.trim() === '') throw new BffError('CONFIG_INVALID', `${name}: file: must be followed by a path`)
  return path.trim()
}

function readAtStart(name: string, path: string): string {
  try {
    return readSecret(path)
  } catch (error) {
    throw new BffError('CONFIG_INVALID', `${name}: ${whyOf(error)}`)
  }
}

/** By its path each time: Kubernetes swaps a symbolic link two levels above the file. */
function readSecret(path: string): string {
  const facts = statSync(path)
  // A pipe or a device would block whoever reads it.
  if (!facts.isFile()) throw new BffError('CONFIG_INVALID', 'what is there is no file')
  if (facts.size > largestFile) throw new BffError('CONFIG_INVALID', 'the file is too large')
  const text = readFileSync(path, 'utf8')
    .replace(/^\uFEFF/, '')
    .trim()
  if (text === '') throw new BffError('CONFIG_INVALID', 'the file is empty')
  return text
}

/** The path stays out of it: whoever puts a secret where a path belongs would find it in the log. */
function whyOf(error: unknown): string {
  if (error instanceof BffError) return error.message
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' ? 'the file is missing' : `the file cannot be used (${code ?? 'unknown'})`
}
