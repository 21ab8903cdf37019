/** What the global set-up made, all of it in one temporary folder outside the checkout. */
export interface Packed {
  readonly folder: string
  /** Paths of the tarballs, by the name of the package's folder. */
  readonly tarballs: Readonly<Record<string, string>>
  /** A folder whose node_modules hold the tarballs and the types of the oldest Node, as an API would have them. */
  readonly installed: string
  /** Paths of Node, by release. */
  readonly nodes: Readonly<Record<string, string>>
}

const VARIABLE = 'REKEY_PUBLISHED'

export function hand(packed: Packed): void {
  process.env[VARIABLE] = JSON.stringify(packed)
}

export function packed(): Packed {
  const text = process.env[VARIABLE]
  if (text === undefined) throw new Error('run these tests by: npm run test:published')
  return JSON.parse(text) as Packed
}
