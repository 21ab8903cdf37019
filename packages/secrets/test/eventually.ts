import { setTimeout as pause } from 'node:timers/promises'

/** Looks until it is as expected. Tests have a deadline of their own. */
export async function eventually<T>(look: () => Promise<T> | T, isExpected: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look()
    if (isExpected(found)) return found
    await pause(20)
  }
}
