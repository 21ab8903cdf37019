/** Every decision that a simulated world leaves to chance, drawn from one seed. */
export interface Random {
  /** In [0, 1). */
  next(): number
  between(least: number, most: number): number
  /** A whole number from 0 up to and without `count`. */
  below(count: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
  /** A source of its own, so that what one part draws does not shift what another part draws. */
  fork(): Random
}

/** xoshiro128** by Blackman and Vigna, its state filled by SplitMix32: seeds that differ by one share nothing. */
export function randomFrom(seed: number): Random {
  let fill = seed | 0
  const state = Uint32Array.from({ length: 4 }, () => {
    fill = (fill + 0x9e3779b9) | 0
    let mixed = fill ^ (fill >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return mixed ^ (mixed >>> 15)
  })

  function draw(): number {
    const [a = 0, b = 0, c = 0, d = 0] = state
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0
    const mixedC = c ^ a
    const mixedD = d ^ b
    state[0] = a ^ mixedD
    state[1] = b ^ mixedC
    state[2] = mixedC ^ (b << 9)
    state[3] = rotated(mixedD, 11)
    return result
  }

  const next = () => draw() / 0x1_0000_0000
  const below = (count: number) => Math.floor(next() * count)
  return {
    next,
    below,
    between: (least, most) => least + next() * (most - least),
    chance: (probability) => next() < probability,
    pick: (list) => list[below(list.length)] as (typeof list)[number],
    fork: () => randomFrom(draw()),
  }
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}
