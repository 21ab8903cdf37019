import type { ChangeRecord } from '@rekey/database'
import { type Issuance, issuanceTopic } from './store.ts'

/** Which keyring this instance issues tokens by, as it has read it. Part of what it holds on its view of the database. */
export function issuanceMemory(read: () => Promise<Issuance>) {
  let current: Issuance | undefined
  return {
    /** @throws Error before the first `reload` */
    current(): Issuance {
      if (!current) throw new Error('nothing was read yet')
      return current
    },
    async reload(): Promise<void> {
      current = await read()
    },
    async apply(changes: readonly ChangeRecord[]): Promise<void> {
      if (changes.some(({ topic }) => topic === issuanceTopic)) current = await read()
    },
  }
}
