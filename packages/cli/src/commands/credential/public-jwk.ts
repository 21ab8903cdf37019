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
  const jwk = parsed(readGiven(file, { folder }).toString(), path)
  if (privateMembers.some((name) => name in jwk)) {
    throw new CliError('WRONG_USE', `${path} holds a private key: hand over its public half alone`, { path })
  }
  return jwk
}

function parsed(text: string, path: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'kty' in value) return value
  } catch {
    // What the parser says quotes the file, which may hold a private key.
    throw new CliError('WRONG_USE', `${path} is no JSON`, { path })
  }
  throw new CliError('WRONG_USE', `${path} is no JWK`, { path })
}
