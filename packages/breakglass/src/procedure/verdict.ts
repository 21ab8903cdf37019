import { type Facts, uncontained } from '../evidence/containment.ts'
import { type IncidentRecord, type StepName, stepOf } from '../incident/record.ts'
import { type InstanceVerdict, isProved } from '../instances/verdict.ts'
import { isUnavailable, resultOf } from './results.ts'
import type { Outcome } from './surroundings.ts'

export interface Verdict {
  /** The key is revoked, every instance is proved, every live verifier on the feed has acknowledged. */
  contained: boolean
  /** Everything that is not so, or could not be done, as sentences: each with its worst case. */
  open: string[]
  /** What to know besides, as sentences: the limits of what was seen. */
  notes: string[]
}

/** What an incident has come to, by its journal alone: `evidence` is where it was kept last. */
export function outcomeOf(record: IncidentRecord): Omit<Outcome, 'evidence'> & { evidence?: string } {
  const facts = factsOf(record, record.now)
  const kept = resultOf(record, 'evidence')?.kept
  return { record, instances: facts.instances, ...(kept !== undefined && { evidence: kept }), ...verdictOf(facts) }
}

/** @param now ISO 8601: whoever may accept until then at most accepts nothing any more */
export function factsOf(incident: IncidentRecord, now: string): Facts {
  const verifiers = resultOf(incident, 'verifiers')
  const after = resultOf(incident, 'revoke') ?? resultOf(incident, 'promote')
  return {
    sealedAt: now,
    incident,
    keys: { before: resultOf(incident, 'guard')?.keys ?? [], after: after?.keys ?? [] },
    acknowledgements: verifiers && !isUnavailable(verifiers) ? verifiers : null,
    instances: resultOf(incident, 'prove') ?? [],
  }
}

/** Pure: everything it says stands in the facts. */
export function verdictOf(facts: Facts): Verdict {
  const { incident, instances, acknowledgements } = facts
  const failed = stepsFailed(incident)
  const isSeen = lookedAt.every((name) => stepOf(incident, name).state === 'done')
  return {
    contained: isSeen && uncontained(facts).length === 0,
    open: [
      ...failed,
      ...unfinished(incident),
      ...uncontained(facts),
      ...instances.filter((instance) => !isProved(instance)).map(ofInstance),
      ...(acknowledgements?.missing ?? []).map(
        ({ id, acceptsUntil }) =>
          `the verifier ${id} has not acknowledged: it may accept the key until ${acceptsUntil}`,
      ),
      ...notDone(incident),
    ],
    notes: toKnow(incident),
  }
}

/** Of one of these that failed, or did not run, nobody knows what it would have shown. */
const lookedAt: readonly StepName[] = ['verifiers', 'prove']

function stepsFailed({ steps }: IncidentRecord): string[] {
  const failed = steps.filter(({ name, state }) => state === 'failed' && name !== 'evidence')
  return failed.map(({ name, error }) => `the step ${name} failed: ${error?.message ?? 'nobody said why'}`)
}

function unfinished({ plan, steps }: IncidentRecord): string[] {
  const open = steps.filter(({ name, state }) => name !== 'evidence' && (state === 'pending' || state === 'running'))
  const names = open.map(({ name }) => name).join(', ')
  return open.length === 0 ? [] : [`not done yet: ${names}. "rekey break-glass resume ${plan.incident}" goes on`]
}

function ofInstance({ url, address, problems, worstCase, fallback }: InstanceVerdict): string {
  const who = address === undefined ? url : `${url} at ${address}`
  const until = worstCase?.until ? ` (until ${worstCase.until})` : ''
  const parts = [problems.join('; ') || 'not proved', worstCase && `at worst: ${worstCase.text}${until}`, fallback]
  return `${who}: ${parts.filter((part) => part !== undefined).join('. ')}`
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
    ...(incident.plan.apis.length === 0 ? ['no instance of an API was named, so none was tried'] : []),
  ]
}

function said(what: string, result: object | undefined): string[] {
  return result && isUnavailable(result) ? [`${what}: ${result.unavailable}`] : []
}
