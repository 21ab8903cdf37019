import { type VaultSettings, vaultOf } from '@rekey/secrets'
import { configured } from '../vault/refusal.ts'

/** @throws IdpError `CONFIG_INVALID` */
export function vaultSettingsOf(given: Parameters<typeof vaultOf>[0]): VaultSettings | undefined {
  return configured(() => vaultOf(given))
}
