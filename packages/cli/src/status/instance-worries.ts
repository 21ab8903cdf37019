import type { InstanceView } from '../client/parties.ts'
import type { Attention } from './attention.ts'

/** An instance that is gone without a word, while nothing was started at its address. */
export function instanceWorries({ of, address, leaseUntil, live = true }: InstanceView): Attention[] {
  if (live) return []
  const whose = of === 'bff' ? ' of the backend for frontend' : ''
  const what = `instance ${address}${whose} is gone: it has not renewed its lease`
  return [{ what, since: leaseUntil, command: null }]
}
