type Json = Readonly<Record<string, unknown>>

/** JSON Merge Patch (RFC 7396): null takes a member away, an object changes what it names, anything else replaces. */
export function mergePatch(target: Json, patch: Json): Record<string, unknown> {
  const merged = new Map(Object.entries(target))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, isObject(value) ? mergePatch(asObject(merged.get(name)), value) : value)
  }
  // Unlike an assignment this makes a member of whatever name.
  return Object.fromEntries(merged)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asObject(value: unknown): Json {
  return isObject(value) ? value : {}
}
