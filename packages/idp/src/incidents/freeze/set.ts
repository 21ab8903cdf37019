import { type IncidentRecord, type StoredIncident, transition } from '@rekey/breakglass'
import { currentRevision, recordChange, recordEvent } from '@rekey/database'
import { storable, transact } from '@rekey/service'
import type { Transaction } from 'kysely'
import type { Instance } from '../../instance.ts'
import type { IdpTables } from '../../tables.ts'
import { changeIncident, readAt } from '../record.ts'
import { denyUnlessRevoked } from '../remedies/probes.ts'
import { incidentTopic } from './memory.ts'

type Held = Pick<Instance, 'connection' | 'view' | 'store'>

/**
 * Freezes administration for an incident. Safe to repeat.
 *
 * @returns the incident, when every live instance refuses what is frozen
 * @throws IdpError `UNKNOWN_INCIDENT`
 */
export function freezeFor(instance: Held, incident: string, actor: string): Promise<IncidentRecord> {
  const frozen = (before: StoredIncident, now: number) => transition.frozen(before, actor, now)
  const event = { action: 'incident.frozen', actor, details: { incident } }
  return set(instance, incident, frozen, event, async () => undefined)
}

/**
 * Ends what an incident freezes; others may go on freezing. Where its key was not revoked, the token that the key was made to
 * sign for probing is denied. Safe to repeat.
 *
 * @param by who answers for it, where that is not the client that calls
 * @returns the incident, when every live instance knows
 * @throws IdpError `UNKNOWN_INCIDENT`
 */
export function unfreeze(
  instance: Held,
  incident: string,
  by: { operator?: string | undefined; reason?: string | undefined },
  actor: string,
): Promise<IncidentRecord> {
  const { operator, reason } = storable(by)
  const unfrozen = (before: StoredIncident, now: number) => transition.unfrozen(before, operator ?? actor, reason, now)
  const details = { incident, operator, reason }
  const event = { action: 'incident.unfrozen', actor, details }
  return set(instance, incident, unfrozen, event, (transaction, { plan }) =>
    denyUnlessRevoked(instance, transaction, plan, actor),
  )
}

async function set(
  instance: Held,
  incident: string,
  how: (before: StoredIncident, now: number) => StoredIncident,
  event: { action: string; actor: string; details: Record<string, unknown> },
  besides: (transaction: Transaction<IdpTables>, after: StoredIncident) => Promise<void>,
): Promise<IncidentRecord> {
  const { db } = instance.connection
  const { changed, revision } = await transact(db, async (transaction) => {
    const { before, after } = await changeIncident(transaction, incident, how)
    // Whoever made it so may still be waiting for every instance to know.
    if (after === before) return { changed: after, revision: (await currentRevision(transaction)).n }
    await recordEvent(transaction, { ...event, outcome: 'success' })
    await besides(transaction, after)
    return { changed: after, revision: await recordChange(transaction, incidentTopic, incident) }
  })
  await instance.view.everywhere(revision)
  return readAt(db, changed)
}
