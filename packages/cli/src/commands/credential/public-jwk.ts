import { resolve } from 'node:path'
import { CliError } from '../../error.ts'
import { readGiven } from '../../given-file.ts'

// RFC 7518, 6.2.2, 6.3.2 and 6.4.1; RFC 8037, 2.
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * Reads a public key as JWK (RFC 7517) from a file.
 *
 * @throws CliError `WRONG_USE`; above all when the private half stands there too, which must not leave this machine
 */
export function readPublicJwk(file: string, folder: string): object {
  const path = resolve(folder, file)
  return publicJwk(parsed(readGiven(file, { folder }).toString(), path), path)
}

/** Reads a set of public keys (RFC 7517 §5), or one alone. @throws CliError `WRONG_USE` likewise */
export function readPublicJwks(file: string, folder: string): { keys: object[] } {
  const path = resolve(folder, file)
  const value = parsed(readGiven(file, { folder }).toString(), path)
  const keys = isSet(value) ? value.keys : [value]
  return { keys: keys.map((key) => publicJwk(key, path)) }
}

function publicJwk(value: unknown, path: string): object {
  if (typeof value !== 'object' || value === null || !('kty' in value)) {
    throw new CliError('WRONG_USE', `${path} is no JWK`, { path })
  }
  if (privateMembers.some((name) => name in value)) {
    throw new CliError('WRONG_USE', `${path} holds a private key: hand over its public half alone`, { path })
  }
  return value
}

function isSet(value: unknown): value is { keys: unknown[] } {
  return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys)
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What the parser says quotes the file, which may hold a private key.
    throw new CliError('WRONG_USE', `${path} is no JSON`, { path })
  }
}
