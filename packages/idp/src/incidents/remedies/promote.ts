import { setTimeout as delay } from 'node:timers/promises'
import type { Plan, Promotion } from '@rekey/breakglass'
import type { Version } from '@rekey/keyring'
import { replaceVersion } from '@rekey/service'
import type { Instance } from '../../instance.ts'
import { verifiersSeen } from '../../keyrings/evidence.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { type FoundKey, keysNow, requireKey, showSuccessor } from './key.ts'
import { causeOf } from './revoke.ts'

/** Nobody is waited for any longer where a stolen key is to go. */
const mostWaitMs = 2_000
const recheckMs = 20

/**
 * Puts another key in the place of the compromised one: the revocation is asked for, which replaces what signs first. Where the
 * key does not sign (any more) there is nothing to do.
 *
 * @returns once every live instance signs by the other key
 * @throws IdpError `UNKNOWN_KID`; KeyringError `NO_SUCCESSOR`
 */
export async function promote(instance: Instance, plan: Plan, caller: Pick<Caller, 'clientId'>): Promise<Promotion> {
  const found = await requireKey(instance.store, plan.kid)
  const name = found.keyring.name
  if (found.version.state === 'active') {
    await replaceVersion(instance, { name, id: plan.kid, cause: causeOf(plan), actor: caller.clientId })
    // The rest must not hang on whoever asks for it next.
    instance.loop.poke()
  }
  const now = await requireKey(instance.store, plan.kid)
  const successor = successorOf(now)
  return {
    successors: successor ? [await shown(instance, now, successor)] : [],
    windowMs: successor ? await windowOf(instance, successor) : 0,
    keys: await keysNow(instance.store),
  }
}

/** Both moments are written by one change of the document. */
function successorOf({ keyring, version: { retiringAt } }: FoundKey): Version | undefined {
  if (retiringAt === undefined) return undefined
  return keyring.versions.find(({ activatedAt }) => activatedAt === retiringAt)
}

async function shown({ store }: Instance, { keyring, version: former }: FoundKey, version: Version) {
  // A key is revoked when every instance signs by the other one, so neither of these is too early.
  const everywhereAt = former.demotedAt ?? former.revokedAt ?? (await store.now())
  return showSuccessor({ keyring, version }, everywhereAt)
}

/** From the first signature by the successor until every verifier on the feed could take it. */
export async function windowOf(
  { connection, view, store }: Instance,
  { since, activatedAt = 0 }: Version,
): Promise<number> {
  for (let waited = false; ; waited = true) {
    const lagging = (await verifiersSeen(connection.db, view)).some(({ holds }) => holds < since)
    const passedMs = (await store.now()) - activatedAt
    if (!lagging && !waited) return 0
    if (!lagging || passedMs >= mostWaitMs) return Math.max(0, passedMs)
    await delay(recheckMs)
  }
}
