/** By what operators, services and the identity provider administer this BFF. */
import { z } from 'zod'
import { BffError } from '../error.ts'
import { type SecretSource, secretsIn, sourceOf } from './source.ts'

export interface AdministrationSettings {
  /** Tokens that may do everything below /internal, the newest first. Without one, only those of the identity provider may. */
  token: SecretSource | undefined
}

const text = z.string().optional()

export const administrationVariables = { REKEY_BFF_ADMIN_TOKEN: text, REKEY_BFF_ADMIN_TOKEN_FILE: text }

const shortest = 16
const most = 8

/** @throws BffError `CONFIG_INVALID`, never with a token in it */
export function administrationOf(given: z.infer<z.ZodObject<typeof administrationVariables>>): AdministrationSettings {
  const token = sourceOf({
    name: 'REKEY_BFF_ADMIN_TOKEN',
    value: given.REKEY_BFF_ADMIN_TOKEN,
    fileName: 'REKEY_BFF_ADMIN_TOKEN_FILE',
    file: given.REKEY_BFF_ADMIN_TOKEN_FILE,
  })
  if (token) adminTokensIn(token)
  return { token }
}

/**
 * The tokens that stand there now.
 *
 * @throws BffError `CONFIG_INVALID`
 */
export function adminTokensIn(source: SecretSource): string[] {
  const tokens = secretsIn(source.name, source.current())
  const wrong = whatIsWrong(tokens)
  if (wrong) throw new BffError('CONFIG_INVALID', `${source.name}: ${wrong}`)
  return tokens
}

function whatIsWrong(tokens: readonly string[]): string | undefined {
  if (tokens.length > most) return `at most ${most} tokens, the newest first`
  if (tokens.some((token) => !/^[\x21-\x7e]+$/.test(token))) return 'a token has no spaces in it, and nothing but ASCII'
  if (tokens.every(({ length }) => length >= shortest)) return undefined
  return `a token has at least ${shortest} characters; make one by: openssl rand -base64 32`
}
