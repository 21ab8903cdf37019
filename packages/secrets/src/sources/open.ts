import { SecretsError } from '../error.ts'
import { environmentSource } from './environment.ts'
import { fileSource } from './file.ts'
import { programSource } from './program.ts'
import type { SecretSource } from './source.ts'
import { vaultSource } from './vault.ts'

/** What a source is opened with. */
export interface SourceOptions {
  /** Where a source in Vault names no field. */
  field?: string
  /** Hears what goes wrong while nobody asks: that the token of Vault could not be renewed. */
  onError?: (error: unknown) => void
}

const openers: Readonly<
  Record<string, (name: string, env: NodeJS.ProcessEnv, options: SourceOptions) => SecretSource>
> = {
  env: environmentSource,
  exec: (command, env) => programSource(command, env),
  file: fileSource,
  vault: vaultSource,
}

/**
 * The source that a text names. Nothing is read yet.
 *
 * @param text `env:NAME`, `file:/path`, `vault:PATH` or `vault:PATH#FIELD`, `exec:/program arguments`
 * @param env where `env:` looks, and where Vault is told from (`VAULT_ADDR`, `VAULT_TOKEN` or `VAULT_TOKEN_FILE` …)
 * @throws SecretsError `SOURCE_INVALID` when the text names no source; `VAULT_SETTINGS_INVALID`
 */
export function secretSource(text: string, env: NodeJS.ProcessEnv, options: SourceOptions = {}): SecretSource {
  const [, scheme = '', name = ''] = /^([a-z]+):(.+)$/s.exec(text.trim()) ?? []
  const open = Object.hasOwn(openers, scheme) ? openers[scheme] : undefined
  if (open && !isSecret(name)) return open(name, env, options)
  throw new SecretsError(
    'SOURCE_INVALID',
    'a secret is given as env:NAME, file:/path, vault:PATH#FIELD or exec:/program, never as the value itself',
  )
}

/** The value in the place of its name would come back in the message that there is no such thing. */
function isSecret(name: string): boolean {
  const isHex = /^(0x)?[0-9a-f]{32,}$/i.test(name)
  const isBase64 = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/-]{40,}={0,2}$/.test(name) && !/^\.{0,2}\//.test(name)
  return isHex || isBase64 || /^(sk_|whsec_|hv[sbr]\.|-----BEGIN)/.test(name)
}
