import { createHash, randomBytes } from 'node:crypto'
import { restful, type SecretSource, SecretsError, type SecretsErrorCode, secretSource } from '@rekey/secrets'
import { DatabaseError, type DatabaseErrorCode } from '../error.ts'

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
 * @param source `env:NAME`, `file:/path`, `vault:PATH#FIELD` or `exec:/program`; each value is 32 bytes as 64 hexadecimal digits
 * @throws DatabaseError `ROOT_KEY_MISSING` when there is nothing to read, `ROOT_KEY_UNAVAILABLE` when that cannot be found out
 *   now, `ROOT_KEY_INVALID` when it is not such a value, or when one stands there twice
 */
export async function readRootKeys(source: string, env: NodeJS.ProcessEnv): Promise<RootKeyList> {
  const from = named(source, env)
  try {
    return await keysFrom(from, () => from.values())
  } finally {
    from.close()
  }
}

/**
 * The same, again and again: what stands there is looked at as often as its source bears.
 *
 * @throws DatabaseError `ROOT_KEY_INVALID` when the text names no source; what is returned throws as `readRootKeys`
 */
export function rootKeyReader(source: string, env: NodeJS.ProcessEnv): () => Promise<RootKeyList> {
  const from = named(source, env)
  const values = restful(from)
  return () => keysFrom(from, values)
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

function named(source: string, env: NodeJS.ProcessEnv): SecretSource {
  try {
    return secretSource(source, env)
  } catch (error) {
    throw refusalOf(error)
  }
}

async function keysFrom({ description }: SecretSource, values: () => Promise<string[]>): Promise<RootKeyList> {
  const read = await values().catch((error) => {
    throw refusalOf(error)
  })
  const [newest, ...older] = keysIn(read.join(' '), description).map(rootKeyOf)
  return [newest as RootKey, ...older]
}

const codes: Readonly<Partial<Record<SecretsErrorCode, DatabaseErrorCode>>> = {
  SOURCE_INVALID: 'ROOT_KEY_INVALID',
  SOURCE_MISSING: 'ROOT_KEY_MISSING',
  VAULT_SETTINGS_INVALID: 'ROOT_KEY_INVALID',
}

function refusalOf(error: unknown): unknown {
  if (!(error instanceof SecretsError)) return error
  return new DatabaseError(codes[error.code] ?? 'ROOT_KEY_UNAVAILABLE', `there is no root key: ${error.message}`, {
    cause: error,
  })
}
