import type { ShownKeyring } from '../administration/shapes.ts'
import { DemoError } from '../error.ts'

/** The kid of the key in use. */
export function activeOf(keyring: ShownKeyring): string {
  const active = keyring.versions.find(({ state }) => state === 'active')
  if (!active) throw new DemoError('CALL_REFUSED', `${keyring.name} has no active version`)
  return active.id
}
