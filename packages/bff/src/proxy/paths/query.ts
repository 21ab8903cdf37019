/** The query of a request as it came, its question mark included. */
export function queryOf(target: string): string {
  const begin = target.indexOf('?')
  return begin < 0 ? '' : target.slice(begin)
}

/** Without a parameter, however its name is encoded; everything else stays as it was. */
export function withoutParameter(query: string, name: string): string {
  const kept = query
    .slice(1)
    .split('&')
    .filter((pair) => !new URLSearchParams(pair).has(name))
  return kept.join('') === '' ? '' : `?${kept.join('&')}`
}
