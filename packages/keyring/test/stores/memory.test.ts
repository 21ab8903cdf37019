import type { AnyPolicy } from '../../src/policy/client.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { startMs } from '../samples.ts'
import { conformsToClientStore, conformsToStore, type StoreUnderTest } from './conformance.ts'

conformsToStore('the store in memory', open)
conformsToClientStore('the store in memory, of what clients hold', open)

async function open<P extends AnyPolicy>(): Promise<StoreUnderTest<P>> {
  const store = memoryStore<P>(() => startMs)
  // It keeps the changes of all keyrings in one list; the document tells to which of its saves each belongs.
  const named = new Map<string, number[]>()
  const watched = {
    ...store,
    save: async (...[previous, next, change]: Parameters<typeof store.save>) => {
      const keyring = await store.save(previous, next, change)
      if (keyring) named.set(next.name, [...(named.get(next.name) ?? []), store.changes.length - 1])
      return keyring
    },
  }
  const changes = async (name: string) => (named.get(name) ?? []).map((index) => store.changes[index] as never)
  return { store: watched, other: watched, changes, close: async () => undefined }
}
