import type { Adapter } from 'oidc-provider'
import { refusalOf } from '../http/errors.ts'
import type { Instance } from '../instance.ts'
import { Unavailable } from './unavailable.ts'

/** What is thrown because the database, the lease, a key or the room is missing, as the provider can tell it; all else as it is. */
export function asOutage(error: unknown): unknown {
  return refusalOf(error).status === 503 ? new Unavailable(error) : error
}

/** Passes on what `work` gives; what it throws is `asOutage`. */
export async function withoutOutage<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asOutage(error)
  }
}

/** What is stored, for as long as this instance holds a lease: without one, what it knows of clients may be stale. */
export function whileLeased({ requireLease }: Pick<Instance, 'requireLease'>, adapter: Adapter): Adapter {
  const leased =
    <Given extends unknown[], Made>(work: (...given: Given) => Promise<Made>) =>
    (...given: Given): Promise<Made> =>
      withoutOutage(() => {
        requireLease()
        return work(...given)
      })
  return {
    upsert: leased(adapter.upsert),
    find: leased(adapter.find),
    findByUid: leased(adapter.findByUid),
    findByUserCode: leased(adapter.findByUserCode),
    consume: leased(adapter.consume),
    destroy: leased(adapter.destroy),
    revokeByGrantId: leased(adapter.revokeByGrantId),
  }
}
