/** Rows as lines with aligned columns: the first one to the left, or all of them. */
export function grid(rows: readonly (readonly string[])[], align: 'figures' | 'text'): string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  const padded = (cell: string, index: number) => {
    const width = widths[index] ?? 0
    return align === 'figures' && index > 0 ? cell.padStart(width) : cell.padEnd(width)
  }
  return rows.map((row) => `  ${row.map(padded).join('  ')}`.trimEnd())
}
