/**
 * The member that a name leads to: one of that very name, or, dot by dot, one that lies deeper. Never what every object inherits.
 */
export function memberAt(value: unknown, name: string): unknown {
  if (value === null || typeof value !== 'object') return undefined
  if (Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name]
  const dot = name.indexOf('.')
  return dot < 0 ? undefined : memberAt(memberOf(value, name.slice(0, dot)), name.slice(dot + 1))
}

/** Where `memberAt` looks, and for which name: whoever reads names less exactly looks there as well. */
export function* stepsTo(value: unknown, name: string): Iterable<{ object: object; name: string }> {
  if (value === null || typeof value !== 'object') return
  yield { object: value, name }
  const dot = name.indexOf('.')
  if (dot < 0 || Object.hasOwn(value, name)) return
  const first = name.slice(0, dot)
  yield { object: value, name: first }
  yield* stepsTo(memberOf(value, first), name.slice(dot + 1))
}

function memberOf(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}
