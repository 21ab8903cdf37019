import { stepOf } from '../incident/record.ts'
import { hasShutOut } from '../instances/verdict.ts'
import type { IncidentEvidence } from './document.ts'

/** The facts that containment follows from. */
export type Facts = Pick<IncidentEvidence, 'incident' | 'keys' | 'instances' | 'acknowledgements' | 'sealedAt'>

/**
 * Why an incident is not contained, as sentences; none when it is.
 *
 * Sealed evidence is judged by this, too, years later: what would call one open that was sealed as contained is a new `format` of
 * evidence, and evidence of this one goes on being judged as here.
 */
export function uncontained(facts: Facts): string[] {
  return [...keyNotRevoked(facts), ...nobodySeen(facts), ...instancesNotProved(facts), ...verifiersMissing(facts)]
}

/** Of a look that failed, or was not taken, nobody knows what it would have shown. */
export function unseen({ incident }: Pick<Facts, 'incident'>): string[] {
  const looks = ['verifiers', 'prove'] as const
  return looks.flatMap((name) => (stepOf(incident, name).state === 'done' ? [] : [`the step ${name} was not done`]))
}

/** Where nobody was tried, and nobody is on the feed, nothing is known of who accepts the key. */
function nobodySeen({ incident, instances, acknowledgements }: Facts): string[] {
  if (unseen({ incident }).length > 0) return []
  const seen = instances.length + (acknowledgements?.acknowledged.length ?? 0)
  return seen > 0 ? [] : ['nobody was seen to refuse the key: no API was named, and no verifier is on the feed']
}

function keyNotRevoked({ incident, keys }: Facts): string[] {
  const { kid } = incident.plan
  const isDone = stepOf(incident, 'revoke').state === 'done'
  // A provider may list no more what it has disabled.
  const shown = keys.after.find((key) => key.kid === kid)
  return isDone && !(shown && isStillGood(shown)) ? [] : ['the compromised key is not revoked']
}

/** Whether somebody who asks for keys is told to accept it. */
export function isStillGood({ state }: { state: string }): boolean {
  return ['prepared', 'active', 'retiring'].includes(state)
}

function instancesNotProved({ incident, instances }: Facts): string[] {
  const endsSessions = (incident.plan.sessions ?? []).length > 0
  const open = instances.filter((each) => !hasShutOut(each, endsSessions)).length
  return open === 0 ? [] : [`${open} of ${instances.length} instances ${open === 1 ? 'is' : 'are'} not proved`]
}

/** Those whose lease is over accept nothing any more: by the provider's clock, which granted it. Whoever seals may have another time. */
function verifiersMissing({ acknowledgements, incident }: Facts): string[] {
  const live = (acknowledgements?.missing ?? []).filter(
    ({ acceptsUntil }) => !(Date.parse(acceptsUntil) <= Date.parse(incident.now)),
  )
  if (live.length === 0) return []
  const some = live.length === 1 ? '1 verifier on the feed has' : `${live.length} verifiers on the feed have`
  return [`${some} not acknowledged`]
}
