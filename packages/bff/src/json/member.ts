/**
 * The member that a name leads to: one of that very name, or, dot by dot, one that lies deeper. Never what every object inherits.
 */
export function memberAt(value: unknown, name: string): unknown {
  if (value === null || typeof value !== 'object') return undefined
  if (Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name]
  const dot = name.indexOf('.')
  return dot < 0 ? undefined : memberAt(memberOf(value, name.slice(0, dot)), name.slice(dot + 1))
}

function memberOf(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}
