/** @throws what the first of those threw that failed, though all others went on */
export function total(settled: readonly PromiseSettledResult<number>[]): number {
  let sum = 0
  for (const each of settled) {
    if (each.status === 'rejected') throw each.reason
    sum += each.value
  }
  return sum
}
