import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { DatabaseError } from '../error.ts'

/** The key that everything sealed hangs on. `id` is derived from it and says nothing about it. */
export interface RootKey {
  id: string
  key: Uint8Array
}

/** One or several, the newest first. */
export type RootKeyList = readonly [RootKey, ...RootKey[]]

/**
 * Reads the root keys from a secret source: the newest first, white space or commas between them.
 *
 * @param source `env:NAME` or `file:/path`; each value is 32 bytes as 64 hexadecimal digits
 * @throws DatabaseError `ROOT_KEY_MISSING` when there is nothing to read, `ROOT_KEY_INVALID` when it is not such a value,
 *   or when one stands there twice
 */
export async function readRootKeys(source: string, env: NodeJS.ProcessEnv): Promise<RootKeyList> {
  const [newest, ...older] = keysIn(await readSource(source, env), source).map(rootKeyOf)
  return [newest as RootKey, ...older]
}

/** Reads the newest of them. */
export async function readRootKey(source: string, env: NodeJS.ProcessEnv): Promise<RootKey> {
  return (await readRootKeys(source, env))[0]
}

/**
 * Puts a new root key in front of those that a file has. Instances that read the file hold it within a second, and seal
 * under it once all of them do.
 *
 * @param text of the file; the caller writes what is returned in its place in one step, readable by nobody else
 * @throws DatabaseError `ROOT_KEY_INVALID`
 */
export function addRootKey(text: string, random: (bytes: number) => Buffer = randomBytes): string {
  return fileOf([random(keyBytes).toString('hex'), ...keysIn(text, 'the file')])
}

/**
 * The ids of the root keys that a file has, the newest first.
 *
 * @throws DatabaseError `ROOT_KEY_INVALID`
 */
export function rootKeyIds(text: string): string[] {
  return keysIn(text, 'the file').map((key) => rootKeyOf(key).id)
}

/**
 * Leaves out these root keys. To be called when nothing is sealed under them any more, or what is does not open.
 *
 * @throws DatabaseError `ROOT_KEY_INVALID`, also where none would be left
 */
export function removeRootKeys(text: string, ids: readonly string[]): string {
  const left = keysIn(text, 'the file').filter((key) => !ids.includes(rootKeyOf(key).id))
  if (left.length > 0) return fileOf(left)
  throw new DatabaseError('ROOT_KEY_INVALID', 'no root key would be left in the file')
}

const keyBytes = 32

const fileOf = (keys: readonly string[]) => keys.map((key) => `${key}\n`).join('')

const looksLikeKey = (text: string) => /^[0-9a-f]{64}$/i.test(text.trim())

function rootKeyOf(hex: string): RootKey {
  const key = Buffer.from(hex, 'hex')
  return { id: createHash('sha256').update('rekey root id').update(key).digest('hex').slice(0, 12), key }
}

/** At least one, in small digits. */
function keysIn(text: string, where: string): string[] {
  const keys = text.split(/[\s,]+/).flatMap((part) => (part === '' ? [] : [part.toLowerCase()]))
  if (keys.length === 0 || !keys.every(looksLikeKey)) {
    throw new DatabaseError('ROOT_KEY_INVALID', `the root key in ${where} is not 64 hexadecimal digits (32 bytes)`)
  }
  if (new Set(keys).size < keys.length) {
    throw new DatabaseError('ROOT_KEY_INVALID', `a root key stands in ${where} twice: which of the two is older?`)
  }
  return keys
}

async function readSource(source: string, env: NodeJS.ProcessEnv): Promise<string> {
  const [, scheme, name] = /^(env|file):(.+)$/s.exec(source) ?? []
  // The value in the place of its name would come back in the message that there is no such thing.
  if (!scheme || !name || looksLikeKey(name)) {
    throw new DatabaseError(
      'ROOT_KEY_INVALID',
      'a root key is given as env:NAME or file:/path, never as the value itself',
    )
  }
  const value = scheme === 'env' ? env[name] : await readFile(name, 'utf8').catch(missing(source))
  if (value === undefined) throw new DatabaseError('ROOT_KEY_MISSING', `there is no root key in ${source}`)
  return value
}

function missing(source: string) {
  return (cause: NodeJS.ErrnoException): never => {
    throw new DatabaseError('ROOT_KEY_MISSING', `the root key in ${source} cannot be read (${cause.code})`, { cause })
  }
}
