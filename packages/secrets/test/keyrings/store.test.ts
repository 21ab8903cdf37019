/** What every store of keyrings keeps, in the test server and in a real one. */
import { randomUUID } from 'node:crypto'
import { type AnyPolicy, systemClock } from '@rekey/keyring'
import { conformsToClientStore, conformsToStore } from '@rekey/keyring/testing'
import { vaultKeyringStore } from '../../src/keyrings/store.ts'
import { openVault } from '../../src/vault/open.ts'
import { settingsFor, type TargetKind, targets } from '../vault/servers.ts'

for (const kind of targets) {
  conformsToStore(`the store in Vault, ${kind.name}`, () => open(kind))
  conformsToClientStore(`the store in Vault, ${kind.name}, of what clients hold`, () => open(kind))
}

async function open<P extends AnyPolicy>(kind: TargetKind) {
  const target = await kind.start()
  const folder = `rekey/${randomUUID()}`
  const vaults = [openVault(settingsFor(target)), openVault(settingsFor(target))] as const
  const [store, other] = [
    vaultKeyringStore<P>(vaults[0], systemClock, { folder }),
    vaultKeyringStore<P>(vaults[1], systemClock, { folder }),
  ]
  return {
    store,
    other,
    changes: async (name: string) => (await store.history(name)).map(({ change }) => change).toReversed(),
    async close() {
      for (const vault of vaults) vault.close()
      await target.close()
    },
  }
}
