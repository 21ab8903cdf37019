const firstMs = 100
const mostMs = 5000

/**
 * How long to wait before attempt n (from 0): doubling from 100 ms to 5 s, between half and all of it by chance, so
 * that instances which lost the same server do not come back in step. `random` is in [0, 1).
 */
export function backoffMs(attempt: number, random: () => number): number {
  const fullMs = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 16))
  return fullMs * (0.5 + random() / 2)
}
