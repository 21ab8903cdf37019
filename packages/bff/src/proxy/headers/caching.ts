/** What caches between the browser and this BFF may do with the reply to a session or a link. */

/**
 * The service was asked with an access token, by which caches would keep its reply from others (RFC 9111 §3.5); the browser's
 * request has only a cookie, of which they take no notice. So that has to be said.
 *
 * @param given what the service says
 * @param setsCookie a cookie of ours goes with the reply: whoever was given that too would be the user
 */
export function cachingOf(given: string | string[] | undefined, setsCookie: boolean): string {
  const text = [given ?? []].flat().join(', ')
  if (text === '' || setsCookie) return 'no-store'
  // With the names of headers behind it, `private` is about those alone.
  return /(^|[\s,])(private|no-store|public|s-maxage=\d+)\s*(,|$)/i.test(text) ? text : `private, ${text}`
}

/** Headers that such caches obey in the place of Cache-Control (RFC 9213, and before it). */
export const isTargeted = (name: string): boolean =>
  /^(surrogate-control|x-accel-expires|(.+-)?cdn-cache-control)$/.test(name)

/** Both are what the reply hangs on: ours is that of the rules about other origins. */
export function varyOf(ours: unknown, theirs: string | string[] | undefined): string {
  const names = [ours ?? [], theirs ?? []].flat(2).flatMap((text) => String(text).split(','))
  const known = new Map(names.map((name) => [name.trim().toLowerCase(), name.trim()]))
  known.delete('')
  return [...known.values()].join(', ')
}
