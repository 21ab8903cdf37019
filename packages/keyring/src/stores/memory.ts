import type { Clock } from '../clock.ts'
import { type Keyring, stamp } from '../lifecycle/keyring.ts'
import type { AnyPolicy } from '../policy/client.ts'
import type { Policy } from '../policy/signing.ts'
import { type Change, type KeyringStore, nextDecisionAt } from './store.ts'

/** A store that ends with the process. For tests, simulations and secrets that need not outlive a process. */
export function memoryStore<P extends AnyPolicy = Policy>(clock: Clock): KeyringStore<P> & { changes: Change[] } {
  const rows = new Map<string, { keyring: Keyring<P>; dueAt: number | null }>()
  const changes: Change[] = []
  let revision = 0
  return {
    changes,
    load: async (name) => structuredClone(rows.get(name)?.keyring),
    list: async () => [...rows.keys()].sort().flatMap((name) => structuredClone(rows.get(name)?.keyring) ?? []),
    due: async (now) => [...rows].filter(([, row]) => row.dueAt !== null && row.dueAt <= now).map(([name]) => name),
    save: async (previous, next, change) => {
      if (rows.get(next.name)?.keyring.revision !== previous?.revision) return undefined
      revision += 1
      const keyring = structuredClone(stamp(previous, next, revision))
      rows.set(next.name, { keyring, dueAt: nextDecisionAt(keyring, clock()) })
      changes.push(change)
      return structuredClone(keyring)
    },
    now: async () => clock(),
  }
}
