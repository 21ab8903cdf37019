import { stripVTControlCharacters } from 'node:util'

/** Lines of text in columns, each as wide as its widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => width(row[column] ?? title))))
  return [head, ...rows]
    .map((row) => row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join('  '))
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n')
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length
}

const units = [
  { ms: 86_400_000, sign: 'd' },
  { ms: 3_600_000, sign: 'h' },
  { ms: 60_000, sign: 'm' },
  { ms: 1_000, sign: 's' },
] as const

/** A span as people say it, in its two largest units: "3d 4h", "12m 5s". */
export function span(spanMs: number): string {
  let rest = Math.max(0, Math.round(spanMs / 1000) * 1000)
  const parts: string[] = []
  for (const { ms, sign } of units) {
    const count = Math.floor(rest / ms)
    rest -= count * ms
    if (count > 0) parts.push(`${count}${sign}`)
    else if (parts.length > 0) break
  }
  return parts.slice(0, 2).join(' ') || '0s'
}

/** What is left of a lease, or for how long it has been over. */
export function leaseText(leftMs: number): string {
  return leftMs > 0 ? `${span(leftMs)} left` : `over for ${span(-leftMs)}`
}
