import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError } from '../error.ts'

/**
 * A token that was issued by the compromised key, from a file, where the identity provider cannot make one.
 *
 * @throws CliError `WRONG_USE`
 */
export function oldTokenOf(path: string, folder: string): string {
  const token = textOf(resolve(folder, path)).trim()
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return token
  throw new CliError('WRONG_USE', `${path} holds no token in the compact form (three parts, with dots between)`)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new CliError('WRONG_USE', `${path} cannot be read (${code})`, { path }, { cause })
  }
}
