import type { InstanceView } from '@rekey/database'
import { ServiceError } from '../error.ts'

/** @returns throws ServiceError `NO_LEASE` while this instance may not act on what it holds */
export function leaseIn(view: Pick<InstanceView, 'held'>): () => void {
  return () => {
    if (!view.held()) throw new ServiceError('NO_LEASE', 'this instance has no lease on the database; try again')
  }
}
