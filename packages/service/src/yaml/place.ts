/** Where something is: as editors and terminals understand it, and then the field. */
export function placeOf(file: string, line: number, path: readonly PropertyKey[] = []): string {
  return path.length === 0 ? `${file}:${line}` : `${file}:${line}: ${fieldOf(path)}`
}

function fieldOf(path: readonly PropertyKey[]): string {
  const parts = path.map((key) => {
    if (typeof key === 'number') return `[${key}]`
    return /^[\w-]+$/.test(String(key)) ? `.${String(key)}` : `[${JSON.stringify(String(key))}]`
  })
  return parts.join('').replace(/^\./, '')
}
