import type { Pool } from '@rekey/database'
import { ServiceError } from '../error.ts'

/** Requests that may wait for a connection to the database; beyond that they are turned away at once. */
const mostWaiting = 256
/** Beyond these, for incidents alone: a flood of other administration leaves them room. */
const reservedWaiting = 64

/** @returns throws ServiceError `OVERLOADED` while too many requests wait for a connection of this pool */
export function roomIn(pool: Pick<Pool, 'waitingCount'>): (isUrgent?: boolean) => void {
  return (isUrgent = false) => {
    if (pool.waitingCount < mostWaiting + (isUrgent ? reservedWaiting : 0)) return
    throw new ServiceError('OVERLOADED', 'too many requests wait for the database; try again')
  }
}
