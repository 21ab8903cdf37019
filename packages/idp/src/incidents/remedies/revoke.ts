import type { Plan, Revocation } from '@rekey/breakglass'
import { iso, revokeVersion } from '@rekey/service'
import type { Instance } from '../../instance.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { newestTrust } from '../../trust/leases.ts'
import { keysNow, requireKey } from './key.ts'

/**
 * Why the key is revoked, in the word that lists of historical keys have for it. What happened stands in the incident.
 */
export function causeOf({ incident }: Pick<Plan, 'incident'>): { reason: string; incident: string } {
  return { reason: 'compromised', incident }
}

/**
 * Revokes the compromised key. A retired one stays as it is: nobody accepts it any more.
 *
 * @returns once every live instance has applied it
 * @throws IdpError `UNKNOWN_KID`; KeyringError `NO_SUCCESSOR`
 */
export async function revoke(instance: Instance, plan: Plan, caller: Pick<Caller, 'clientId'>): Promise<Revocation> {
  const { keyring, version } = await requireKey(instance.store, plan.kid)
  if (version.state !== 'retired') {
    await revokeVersion(instance, keyring.name, plan.kid, causeOf(plan), caller.clientId)
    instance.loop.poke()
  }
  const { version: now } = await requireKey(instance.store, plan.kid)
  const { revokedAt } = now
  return {
    revoked: revokedAt === undefined ? [] : [{ keyring: keyring.name, kid: plan.kid, revokedAt: iso(revokedAt) }],
    revision: await newestTrust(instance.connection.db),
    keys: await keysNow(instance.store),
  }
}
