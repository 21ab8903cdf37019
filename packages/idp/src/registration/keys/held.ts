import type { HeldKey } from '../../credentials/client.ts'
import type { ClientJwk } from '../../credentials/key.ts'
import type { ClientKeySet, Registration } from '../stored.ts'
import { believedUntil } from './fetched.ts'

/** By what name the use of a key of a registered client is noted; its version is the `kid`. */
export function keySetId(clientId: string): string {
  return `jwks:${clientId}`
}

/** The keys that a registered client may authenticate by: those it registered, or those its `jwks_uri` answered last. */
export function registeredKeys(clientId: string, registration: Registration | undefined): HeldKey[] {
  const { jwks } = registration?.metadata ?? {}
  if (jwks) return heldKeys(clientId, jwks, null)
  return registration?.fetched ? heldKeys(clientId, registration.fetched.jwks, believedUntil(registration.fetched)) : []
}

/** Nothing is imported: each key was, before it was stored, and a client is read often. */
function heldKeys(clientId: string, { keys }: ClientKeySet, until: number | null): HeldKey[] {
  return (keys as readonly ClientJwk[]).map((jwk) => ({
    credentialId: keySetId(clientId),
    version: jwk.kid,
    state: 'active',
    until,
    kid: jwk.kid,
    algorithm: jwk.alg,
    jwk: { ...jwk, use: 'sig' },
  }))
}
