/** For tests of what stands above this package: a Vault. */
export { type Instead, startVault, type VaultServer } from './vault/server.ts'
export { newPath, operate, settingsFor, type Target, targets } from './vault/servers.ts'
