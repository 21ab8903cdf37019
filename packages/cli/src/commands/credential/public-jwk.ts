import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError } from '../../error.ts'

// RFC 7518, 6.2.2, 6.3.2 and 6.4.1; RFC 8037, 2.
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * Reads a public key as JWK (RFC 7517) from a file.
 *
 * @throws CliError `WRONG_USE`; above all when the private half stands there too, which must not leave this machine
 */
export function readPublicJwk(file: string, folder: string): object {
  const path = resolve(folder, file)
  const jwk = parsed(path)
  if (privateMembers.some((name) => name in jwk)) {
    throw new CliError('WRONG_USE', `${path} holds a private key: hand over its public half alone`, { path })
  }
  return jwk
}

function parsed(path: string): object {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof value === 'object' && value !== null && 'kty' in value) return value
  } catch (cause) {
    // What the parser says quotes the file, which may hold a private key.
    const why =
      cause instanceof SyntaxError ? 'is no JSON' : `cannot be read (${(cause as NodeJS.ErrnoException).code})`
    throw new CliError('WRONG_USE', `${path} ${why}`, { path })
  }
  throw new CliError('WRONG_USE', `${path} is no JWK`, { path })
}
