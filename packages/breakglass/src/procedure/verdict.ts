import { type Facts, uncontained, unseen } from '../evidence/containment.ts'
import type { IncidentEvidence } from '../evidence/document.ts'
import type { IncidentRecord } from '../incident/record.ts'
import { hasShutOut, type InstanceVerdict, isProved, ofInstance, placeOf } from '../instances/verdict.ts'
import type { KeyShown } from '../providers/port.ts'
import { isUnavailable, resultOf } from './results.ts'
import type { Outcome } from './surroundings.ts'

/** What an incident has come to, by its journal alone: `evidence` is where it was kept last. */
export function outcomeOf(record: IncidentRecord): Omit<Outcome, 'evidence'> & { evidence?: string } {
  const facts = factsOf(record)
  const kept = resultOf(record, 'evidence')?.kept
  return { record, instances: facts.instances, ...(kept !== undefined && { evidence: kept }), ...verdictOf(facts) }
}

/** @param keys as they stand now; otherwise as the last step left them that changed one */
export function factsOf(incident: IncidentRecord, keys?: readonly KeyShown[]): Facts {
  const verifiers = resultOf(incident, 'verifiers')
  const after = resultOf(incident, 'revoke') ?? resultOf(incident, 'promote')
  return {
    sealedAt: incident.now,
    incident,
    keys: { before: resultOf(incident, 'guard')?.keys ?? [], after: [...(keys ?? after?.keys ?? [])] },
    acknowledgements: verifiers && !isUnavailable(verifiers) ? verifiers : null,
    instances: resultOf(incident, 'prove') ?? [],
  }
}

/** Pure: everything it says stands in the facts. */
export function verdictOf(facts: Facts): IncidentEvidence['verdict'] {
  const { incident, instances, acknowledgements } = facts
  const failed = stepsFailed(incident)
  return {
    contained: uncontained(facts).length + unseen(facts).length === 0,
    open: [
      ...failed,
      ...unfinished(incident),
      ...uncontained(facts),
      ...instances.filter((instance) => !hasShutOut(instance, incident.plan.sessions.length > 0)).map(ofInstance),
      ...(acknowledgements?.missing ?? []).map(
        ({ id, acceptsUntil }) =>
          `the verifier ${id} has not acknowledged: it may accept the key until ${acceptsUntil}`,
      ),
      ...notDone(incident),
    ],
    notes: [...toKnow(incident), ...ofProcesses(instances), ...notTold(facts)],
  }
}

function stepsFailed({ steps }: IncidentRecord): string[] {
  const failed = steps.filter(({ name, state }) => state === 'failed' && name !== 'evidence')
  return failed.map(({ name, error }) => `the step ${name} failed: ${error?.message ?? 'nobody said why'}`)
}

function unfinished({ plan, steps }: IncidentRecord): string[] {
  const open = steps.filter(({ name, state }) => name !== 'evidence' && (state === 'pending' || state === 'running'))
  const names = open.map(({ name }) => name).join(', ')
  return open.length === 0 ? [] : [`not done yet: ${names}. "rekey break-glass resume ${plan.incident}" goes on`]
}

/** What a provider did not allow. */
function notDone(incident: IncidentRecord): string[] {
  const sessions = resultOf(incident, 'sessions')
  const changes = resultOf(incident, 'changes')
  return [
    ...said('administration is not frozen', resultOf(incident, 'freeze')),
    ...said('sessions were not ended', sessions),
    ...(sessions && !isUnavailable(sessions) && sessions.incomplete ? [sessions.incomplete] : []),
    ...said('changes for review', changes),
    ...(changes && !isUnavailable(changes) && changes.truncated ? ['there are more changes than are listed'] : []),
  ]
}

function toKnow(incident: IncidentRecord): string[] {
  const probes = resultOf(incident, 'probes')
  return [
    ...(resultOf(incident, 'guard')?.warnings ?? []),
    ...said('no token by the compromised key', probes?.old),
    ...(probes?.problems ?? []),
    ...said('verifiers that are on no feed cannot be seen', resultOf(incident, 'verifiers')),
    ...(resultOf(incident, 'prove')?.length === 0 ? ['no instance of an API was named, so none was tried'] : []),
  ]
}

/** Where several processes stand behind one address, the tries may have missed one. */
function ofProcesses(instances: readonly InstanceVerdict[]): string[] {
  const unnamed = instances.filter(({ processes }) => processes === null).map(placeOf)
  const several = instances.filter(({ processes }) => (processes ?? 0) > 1)
  return [
    ...(unnamed.length === 0
      ? []
      : [
          `it is not said which process answers at ${unnamed.join(', ')}: if several stand behind one address, one that still takes ` +
            'the key may not have been met. Give each an address of its own, or a DNS name',
        ]),
    ...several.map(
      (each) =>
        `${each.processes} processes answer at ${placeOf(each)}, and all of them were met; that there is none besides cannot be ` +
        'shown behind one address',
    ),
  ]
}

/** Where no sessions are to end, that is no reason to call an instance open. */
function notTold({ incident, instances }: Facts): string[] {
  if (incident.plan.sessions.length > 0) return []
  return instances.filter((each) => hasShutOut(each, false) && !isProved(each)).map(ofInstance)
}

function said(what: string, result: object | undefined): string[] {
  return result && isUnavailable(result) ? [`${what}: ${result.unavailable}`] : []
}
