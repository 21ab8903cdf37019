import { managementScopes } from '@rekey/idp/scopes'
import type { Scopes } from './management.ts'

/** What a call needs that gives an agent scopes, or a secret by which it gets them: the token has those that administer itself. */
export function scopesToGive(scopes: readonly string[] = []): Scopes {
  const others = scopes.filter((scope) => scope !== 'agents:write' && managementScopes.includes(scope))
  return others.length === 0 ? 'agents:write' : `agents:write ${others.join(' ')}`
}
