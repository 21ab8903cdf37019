/** Makes room in a map that must not grow for ever: what was put into it first goes first. */
export function forgetOldest(map: Map<unknown, unknown>, most: number): void {
  if (map.size <= most) return
  for (const key of map.keys()) {
    map.delete(key)
    if (map.size <= most) return
  }
}
