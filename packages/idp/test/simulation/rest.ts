import { adoptPolicy, isAccepted, type Keyring } from '@rekey/keyring'
import type { Estate } from './estate.ts'

const dayMs = 86_400_000
const lookEveryMs = 500
/** What comes on top of what the policy makes everybody wait for: leases, retries, restarts. */
const spareMs = 45_000

/** Ends all trouble: from here on everything must come to rest by itself. */
export function endTrouble(estate: Estate): void {
  const { world, observer, postgres, network, instances, verifiers } = estate
  if (observer.restores > 0) world.count(observer.excuses.unnoticed ? 'restore not noticed' : 'restore noticed')
  estate.calmDown()
  postgres.up = true
  network.heal()
  for (const { link, life } of instances) {
    link?.heal()
    life?.goOn()
  }
  for (const { verifier } of verifiers) verifier?.life.goOn()
  stopSchedules(estate)
}

/** A keyring that rotates by itself every few seconds would never be at rest. Whoever starts late may bring that back. */
function stopSchedules({ postgres }: Estate): void {
  for (const keyring of postgres.list()) {
    if (keyring.policy.rotateEveryMs === 90 * dayMs) continue
    const calm = adoptPolicy(keyring, { ...keyring.policy, rotateEveryMs: 90 * dayMs })
    postgres.save(keyring, calm, { action: 'keyring.policy_changed', actor: 'ops', details: {} })
  }
}

/** Waits until everything is at rest; violated when that takes longer than all the waits of the policy together. */
export async function comeToRest(estate: Estate): Promise<void> {
  const { world, setting } = estate
  const { maxTokenTtlMs, skewMs, anonymousPropagationMs, rollbackWindowMs } = setting.policy
  const longest = Math.max(...estate.verifiers.map(({ verifier }) => verifier?.graceMs ?? 0))
  // Three rotations can stand in a row: one under way, one asked for, and one because a key is to be revoked.
  const policyMs = 3 * (maxTokenTtlMs + skewMs + anonymousPropagationMs + rollbackWindowMs) + 2 * longest
  const waitsMs = policyMs + 2 * estate.databaseSteppedMs + spareMs
  const deadline = world.now + waitsMs
  while (!world.violation && unrest(estate).length > 0) {
    if (world.now >= deadline)
      return world.violated(`not at rest ${waitsMs} ms after the last fault: ${unrest(estate)}`)
    stopSchedules(estate)
    await world.runUntil(world.now + lookEveryMs, () => estate.observer.check())
  }
}

/** What is not as it should be when nothing is under way. */
function unrest(estate: Estate): string[] {
  const keyrings = estate.postgres.list()
  const { n } = estate.postgres.newest()
  const instances = estate.instances.flatMap(({ name, instance }) =>
    instance?.life.running && instance.view.held() && instance.view.applied() === n ? [] : [`${name} is behind`],
  )
  return [
    ...keyrings.flatMap((keyring) => unrestIn(keyring, estate)),
    ...instances,
    ...estate.verifiers.flatMap((slot) => unrestAt(slot, keyrings, estate)),
    ...(estate.unanswered > 0 && !estate.observer.excuses.unnoticed
      ? [`${estate.unanswered} acts are not answered`]
      : []),
  ]
}

function unrestIn({ name, versions, rotation }: Keyring, { observer }: Estate): string[] {
  const having = (state: string) => versions.filter((version) => version.state === state)
  const confirmed = observer.everConfirmed
  return [
    ...(rotation ? [`${name} has a rotation under way`] : []),
    ...(having('active').length === 1 ? [] : [`${name} has no active version`]),
    ...(having('prepared').some(({ servedAt }) => servedAt !== undefined) ? [] : [`${name} has no standby`]),
    ...having('retiring').map(({ id }) => `${id} is retiring`),
    ...versions.filter(({ revocation }) => revocation).map(({ id }) => `${id} is to be revoked`),
    ...versions
      .filter((version) => isAccepted(version) && (confirmed.has(version.id) || observer.wasAnswered(version.id)))
      .map(({ id }) => `${id} was revoked and is accepted again`),
  ]
}

function unrestAt(
  { name, verifier }: Estate['verifiers'][number],
  keyrings: readonly Keyring[],
  { postgres, observer }: Estate,
): string[] {
  if (observer.excuses.unnoticed) return []
  if (!verifier?.life.running) return [`${name} is down`]
  const { revision, leaseLeftMs, held, kids } = verifier.trust.snapshot()
  const newest = Math.max(...keyrings.map(({ publishedRevision }) => publishedRevision))
  const accepted = keyrings.flatMap(({ versions }) => versions.filter(isAccepted).map(({ id }) => id))
  const knows = accepted.length === kids.length && accepted.every((kid) => kids.includes(kid))
  if (held && leaseLeftMs > 0 && revision?.n === newest && revision.epoch === postgres.newest().epoch && knows)
    return []
  return [`${name} holds ${revision?.epoch}.${revision?.n} (${kids}) with a lease of ${leaseLeftMs} ms`]
}
