/** Secrets of the BFF that whoever starts it may give, instead of leaving them to the store. */
import { z } from 'zod'
import { BffError } from '../error.ts'
import type { OwnName } from '../keyrings/own.ts'
import { type SecretSource, secretsIn, sourceOf } from './source.ts'

/** Where the secrets of a keyring are given, the newest first. A keyring that is missing here is made and kept in the store. */
export type GivenSecrets = Readonly<Partial<Record<OwnName, SecretSource>>>

/** Says that a keyring is made and kept in the store. */
const storeKept = 'keyring:'

const shortest = 16
const most = 8

/** The variables that each keyring may be given in: the present name, and the one before. */
const names = {
  'token-hash': ['TOKEN_HASH_SALT'],
  'ua-hash': ['UA_HASH_SALT'],
  csrf: ['CSRF_SECRET_KEY'],
  state: ['STATE_TOKEN_KEY'],
  session: ['REKEY_OIDC_BFF_SECRET', 'FLUXLIT_OIDC_BFF_SECRET'],
} as const satisfies Record<OwnName, readonly string[]>

const text = z.string().optional()

export const secretVariables = {
  TOKEN_HASH_SALT: text,
  TOKEN_HASH_SALT_FILE: text,
  UA_HASH_SALT: text,
  UA_HASH_SALT_FILE: text,
  CSRF_SECRET_KEY: text,
  CSRF_SECRET_KEY_FILE: text,
  STATE_TOKEN_KEY: text,
  STATE_TOKEN_KEY_FILE: text,
  REKEY_OIDC_BFF_SECRET: text,
  REKEY_OIDC_BFF_SECRET_FILE: text,
  FLUXLIT_OIDC_BFF_SECRET: text,
  FLUXLIT_OIDC_BFF_SECRET_FILE: text,
}

type Given = z.infer<z.ZodObject<typeof secretVariables>>
type Variable = (typeof names)[OwnName][number]

/** @throws BffError `CONFIG_INVALID`, naming the variable, never a secret */
export function secretsOf(given: Given): GivenSecrets {
  requireTokenSalt(given)
  const found = (Object.keys(names) as OwnName[]).flatMap((keyring) => {
    const source = sourceFor(names[keyring], given)
    return source ? [[keyring, source]] : []
  })
  return Object.fromEntries(found)
}

/**
 * The secrets that stand in a source now, the newest first.
 *
 * @throws BffError `CONFIG_INVALID`
 */
export function secretsNow(source: SecretSource): readonly [string, ...string[]] {
  const [newest = '', ...older] = secretsIn(source.name, source.current())
  const secrets = [newest, ...older] as const
  const wrong = whatIsWrong(secrets)
  if (wrong) throw new BffError('CONFIG_INVALID', `${source.name}: ${wrong}`)
  return secrets
}

function whatIsWrong(secrets: readonly string[]): string | undefined {
  if (secrets.length > most) return `at most ${most} secrets, the newest first`
  if (secrets.some((secret) => /^(file|keyring):/.test(secret))) return 'file: and keyring: stand alone, not in a list'
  return secrets.every(({ length }) => length >= shortest)
    ? undefined
    : `a secret has at least ${shortest} characters; make one by: openssl rand -base64 32`
}

function sourceFor(variables: readonly Variable[], given: Given): SecretSource | undefined {
  const set = variables.filter((name) => given[name] !== undefined || given[`${name}_FILE`] !== undefined)
  if (set.length > 1) throw new BffError('CONFIG_INVALID', `${set.join(' and ')} are both set: which one is meant?`)
  const [name] = set
  if (name === undefined) return undefined
  const fileName = `${name}_FILE` as const
  const source = sourceOf({ name, value: given[name], fileName, file: given[fileName] })
  if (!source || (!source.isFile && source.current() === storeKept)) return undefined
  secretsNow(source)
  return source
}

/** Losing it logs everybody out, so it is nobody's default: an operator says where it is kept. */
function requireTokenSalt({ TOKEN_HASH_SALT: value, TOKEN_HASH_SALT_FILE: file }: Given): void {
  if (value?.trim() || file?.trim()) return
  throw new BffError(
    'CONFIG_INVALID',
    'TOKEN_HASH_SALT is missing: sessions are stored under hashes that are salted with it, and without it none could be found. ' +
      'Give one that stays the same over restarts and on all replicas (make it by: openssl rand -base64 32), name a file that ' +
      // With an equals sign between them the log would take it for the salt and hide it.
      `holds it by TOKEN_HASH_SALT_FILE, or write ${storeKept} in its place to have it made and kept in the database`,
  )
}
