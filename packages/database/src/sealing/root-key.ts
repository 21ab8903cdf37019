import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { DatabaseError } from '../error.ts'

/** The key that everything sealed hangs on. `id` is derived from it and says nothing about it. */
export interface RootKey {
  id: string
  key: Uint8Array
}

/**
 * Reads the root key from a secret source.
 *
 * @param source `env:NAME` or `file:/path`; the value is 32 bytes as 64 hexadecimal digits
 * @throws DatabaseError `ROOT_KEY_MISSING` when there is nothing to read, `ROOT_KEY_INVALID` when it is not such a value
 */
export async function readRootKey(source: string, env: NodeJS.ProcessEnv): Promise<RootKey> {
  const hex = (await readSource(source, env)).trim()
  if (!looksLikeKey(hex)) {
    throw new DatabaseError('ROOT_KEY_INVALID', `the root key in ${source} is not 64 hexadecimal digits (32 bytes)`)
  }
  const key = Buffer.from(hex, 'hex')
  return { id: createHash('sha256').update('rekey root id').update(key).digest('hex').slice(0, 12), key }
}

const looksLikeKey = (text: string) => /^[0-9a-f]{64}$/i.test(text.trim())

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
