import { CliError } from '../error.ts'
import { readGiven } from '../given-file.ts'

/**
 * A token that was issued by the compromised key, from a file, where the identity provider cannot make one.
 *
 * @throws CliError `WRONG_USE`
 */
export function oldTokenOf(path: string, folder: string): string {
  const token = readGiven(path, { folder }).toString().trim()
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return token
  throw new CliError('WRONG_USE', `${path} holds no token in the compact form (three parts, with dots between)`)
}
