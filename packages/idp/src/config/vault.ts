import { isExposed } from '@rekey/service'
import { z } from 'zod'
import { IdpError } from '../error.ts'

export interface VaultSettings {
  address: string
  token: string | undefined
  /** Read again whenever the token is refused: an agent beside us renews it. */
  tokenFile: string | undefined
  namespace: string | undefined
  mount: string
  caFile: string | undefined
}

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

/** @throws IdpError `CONFIG_INVALID` */
export function vaultOf(given: Given): VaultSettings | undefined {
  const { VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_TOKEN_FILE: tokenFile } = given
  if (address === undefined) return undefined
  if (token === undefined && tokenFile === undefined) {
    throw new IdpError('CONFIG_INVALID', 'VAULT_ADDR needs VAULT_TOKEN or VAULT_TOKEN_FILE')
  }
  if (isExposed(new URL(address)) && !given.REKEY_ALLOW_PLAINTEXT) {
    throw new IdpError('CONFIG_INVALID', 'VAULT_ADDR would carry secrets in plaintext beyond this machine; use https')
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
