import { readGiven } from '../given-file.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The token by which the backend for frontend lets operators in, as its own variable says it: itself, `file:/path`, or
 * REKEY_BFF_ADMIN_TOKEN_FILE. Of several the newest, which stands first.
 *
 * @throws CliError `WRONG_USE` for a file that cannot be read
 */
export function bffTokenIn(env: Environment, folder: string): string | undefined {
  const { REKEY_BFF_ADMIN_TOKEN: value, REKEY_BFF_ADMIN_TOKEN_FILE: file } = env
  const path = value?.startsWith('file:') ? value.slice('file:'.length) : value ? undefined : file
  const text = path ? readGiven(path, { folder }).toString('utf8') : value
  return text?.split(/[\n,]/)[0]?.trim() || undefined
}
