import type { HeldRootKeys } from '@rekey/database'

/** What has to be so before what is held is read anew, and after. */
export interface Renewal {
  before(): Promise<void>
  /** Every secret was opened. */
  opened(): Promise<void>
}

/**
 * @param settle finds out under which root key is sealed
 * @param ensure makes sure that the keyrings are there, by the settings of this instance
 */
export function renewalOf(
  rootKeys: Pick<HeldRootKeys, 'openedAll'>,
  settle: () => Promise<void>,
  ensure: () => Promise<void>,
): Renewal {
  return {
    async before() {
      // Nobody waited for this instance meanwhile: others may seal under a root key that it does not hold.
      await settle()
      // Each time: a restored backup may know nothing of how long what this instance makes is good.
      await ensure()
    },
    async opened() {
      rootKeys.openedAll()
      await settle()
    },
  }
}
