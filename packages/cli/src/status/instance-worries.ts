import type { InstanceView } from '../client/parties.ts'
import type { Attention } from './attention.ts'

/** An instance that is gone without a word, while nothing was started at its address. */
export function instanceWorries({ address, leaseUntil, live = true }: InstanceView): Attention[] {
  if (live) return []
  return [{ what: `instance ${address} is gone: it has not renewed its lease`, since: leaseUntil, command: null }]
}
