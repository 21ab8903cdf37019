import { printable } from './printable.ts'

/** Lines of text in columns, each as wide as its widest cell; a line ends where the terminal does. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  terminal = Number.POSITIVE_INFINITY,
): string {
  const lines = [head, ...rows.map((row) => row.map(printable))]
  const widths = head.map((_title, column) => Math.max(...lines.map((row) => width(row[column] ?? ''))))
  return lines
    .map((row) => row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join('  '))
    .map((line) => cut(`  ${line.trimEnd()}`, terminal))
    .join('\n')
}

/** One thing's members, a line each, with the names in a column of their own. What has no value is left out. */
export function members(of: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(of).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const widest = Math.max(...given.map(([name]) => name.length))
  return given.map(([name, value]) => `${name.padEnd(widest)}  ${printable(value)}`).join('\n')
}

function cut(line: string, most: number): string {
  return width(line) <= most ? line : `${[...line].slice(0, most - 1).join('')}…`
}

function width(cell: string): number {
  return [...cell].length
}
