import type { SeenKeyring } from '../record/record.ts'

/** The id of the version that signs. */
export function activeOf({ name, versions }: SeenKeyring): string {
  const active = versions.find(({ state }) => state === 'active')
  if (!active) throw new Error(`${name} has no active version`)
  return active.id
}

/** Signs with another version everywhere, and has a standby that every instance serves: the next rotation may begin. */
export function isRotatedFrom({ versions, rotation }: SeenKeyring, id: string): boolean {
  const before = versions.find((version) => version.id === id)
  const isDemoted = before === undefined || before.demotedAt !== undefined || /^(retired|revoked)$/.test(before.state)
  const isStandbyServed = versions.some(({ state, servedAt }) => state === 'prepared' && servedAt !== undefined)
  return rotation === undefined && before?.state !== 'active' && isDemoted && isStandbyServed
}
