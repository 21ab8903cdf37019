import { parseArgs } from 'node:util'

export type Counts = [number, ...number[]]

/**
 * Reads options whose values are positive whole numbers, or lists of them.
 *
 * @param defaults the options and what they are when they are not given
 * @returns a list for each, of one number at least; undefined after the usage was printed, because something else was given
 */
export function readCounts<T extends Record<string, string>>(
  defaults: T,
  usage: string,
): Record<keyof T, Counts> | undefined {
  try {
    const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' as const }]))
    const given = parseArgs({ options }).values
    return Object.fromEntries(
      Object.entries({ ...defaults, ...given }).map(([name, text]) => [name, countsOf(name, String(text))]),
    ) as Record<keyof T, Counts>
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    return undefined
  }
}

function countsOf(name: string, text: string): Counts {
  const [first = Number.NaN, ...others] = text.split(',').map(Number)
  const counts: Counts = [first, ...others]
  if (counts.every((count) => Number.isSafeInteger(count) && count > 0)) return counts
  throw new TypeError(`--${name}=${text}: positive whole numbers are needed`)
}
