import type { SecretView } from '../client/inventory.ts'
import type { Attention } from './attention.ts'

/** Declared secrets that should have been rotated. Nobody here can do it: whoever does writes it into the file. */
export function declaredWorries(secrets: readonly SecretView[]): Attention[] {
  return secrets.flatMap(({ name, owner, management, overdueSince }) => {
    if (management !== 'declared' || overdueSince === undefined) return []
    const what = `${name}, which ${owner} owns, should have been rotated: rotate it, and write the day into REKEY_INVENTORY`
    return [{ what, since: overdueSince, command: null }]
  })
}
