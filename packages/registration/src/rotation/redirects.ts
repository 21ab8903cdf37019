import type { RedirectMode } from '../options/client-options.ts'

/** The redirect URIs to register, or undefined when they stay as they are. */
export function planRedirects(
  mode: RedirectMode,
  given: readonly string[],
  registered: readonly string[],
): readonly string[] | undefined {
  if (mode === 'none' || given.length === 0) return undefined
  const wanted = mode === 'merge' ? [...new Set([...registered, ...given])] : given
  const compared = mode === 'auto' ? sameMembers : sameList
  return compared(wanted, registered) ? undefined : wanted
}

function sameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((uri, index) => uri === other[index])
}

// Another order of the same URIs is no difference that is worth a write at every start.
function sameMembers(one: readonly string[], other: readonly string[]): boolean {
  return sameList([...new Set(one)].sort(), [...new Set(other)].sort())
}
