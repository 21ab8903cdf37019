import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError } from '../error.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * What the APIs' internal endpoints ask for: INTERNAL_JWKS_REFRESH_TOKEN (`new,old`, or `file:/path`) or the file of
 * INTERNAL_JWKS_REFRESH_TOKEN_FILE. Of several the newest.
 *
 * @throws CliError `WRONG_USE`
 */
export function refreshTokenOf(env: Environment): string | undefined {
  const { INTERNAL_JWKS_REFRESH_TOKEN: value, INTERNAL_JWKS_REFRESH_TOKEN_FILE: named } = env
  if (value && named) {
    throw new CliError('WRONG_USE', 'INTERNAL_JWKS_REFRESH_TOKEN and …_FILE are both set: which one is meant?')
  }
  const [, inline] = /^file:(.+)$/s.exec(value ?? '') ?? []
  const path = named || inline
  const text = path === undefined ? value : textOf(path)
  return text?.split(/[\s,]+/).find((token) => token !== '')
}

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
