import { setImmediate } from 'node:timers/promises'

/** Goes over much work in parts of a millisecond or two: a process that issues tokens meanwhile must not stand still. */
export async function* inTurns<T>(all: readonly T[], atOnce: number): AsyncGenerator<T[]> {
  for (let at = 0; at < all.length; at += atOnce) {
    await setImmediate()
    yield all.slice(at, at + atOnce)
  }
}

/** Signatures that are checked in one go: each takes a sixth of a millisecond. */
export const signaturesAtOnce = 4
