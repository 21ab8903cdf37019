/** Where Vault is and how we come in: the one place that knows the variables. */
import { z } from 'zod'
import { SecretsError } from '../error.ts'
import { isExposed } from '../exposed.ts'

/** Where Vault is, and how we come in. */
export interface VaultSettings {
  address: string
  token: string | undefined
  /** Read again whenever the token is refused: an agent beside us renews it. */
  tokenFile: string | undefined
  namespace: string | undefined
  mount: string
  caFile: string | undefined
}

/** For the schema of whoever reads an environment. */
export const vaultVariables = {
  VAULT_ADDR: z.url({ protocol: /^https?$/ }).optional(),
  VAULT_TOKEN: z.string().optional(),
  VAULT_TOKEN_FILE: z.string().optional(),
  VAULT_NAMESPACE: z.string().optional(),
  VAULT_MOUNT: z
    .string()
    .regex(/^[\w-]+(\/[\w-]+)*$/)
    .default('secret'),
  VAULT_CACERT: z.string().optional(),
}

type Given = z.infer<z.ZodObject<typeof vaultVariables>> & { REKEY_ALLOW_PLAINTEXT: boolean }

/**
 * @returns undefined where no Vault is named
 * @throws SecretsError `VAULT_SETTINGS_INVALID`
 */
export function vaultOf(given: Given): VaultSettings | undefined {
  const { VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_TOKEN_FILE: tokenFile } = given
  if (address === undefined) return undefined
  if (token === undefined && tokenFile === undefined) throw invalid('VAULT_ADDR needs VAULT_TOKEN or VAULT_TOKEN_FILE')
  if (isExposed(new URL(address)) && !given.REKEY_ALLOW_PLAINTEXT) {
    throw invalid('VAULT_ADDR would carry secrets in plaintext beyond this machine; use https')
  }
  return {
    address: address.replace(/\/+$/, ''),
    token,
    tokenFile,
    namespace: given.VAULT_NAMESPACE,
    mount: given.VAULT_MOUNT,
    caFile: given.VAULT_CACERT,
  }
}

/**
 * The same from an environment that nobody has read yet.
 *
 * @throws SecretsError `VAULT_SETTINGS_INVALID`, naming the variables that are wrong, never their values
 */
export function vaultIn(env: NodeJS.ProcessEnv): VaultSettings | undefined {
  // Compose files pass variables that are set to nothing; that is to say nothing.
  const said = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const { data, error } = z.object(vaultVariables).safeParse(said)
  if (error) throw invalid(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
  return vaultOf({ ...data, REKEY_ALLOW_PLAINTEXT: /^(true|1)$/.test(said.REKEY_ALLOW_PLAINTEXT ?? '') })
}

function invalid(message: string): SecretsError {
  return new SecretsError('VAULT_SETTINGS_INVALID', message)
}
