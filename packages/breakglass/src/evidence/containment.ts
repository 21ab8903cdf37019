import { stepOf } from '../incident/record.ts'
import { isProved } from '../instances/verdict.ts'
import type { IncidentEvidence } from './document.ts'

/** The facts that containment follows from. */
export type Facts = Pick<IncidentEvidence, 'incident' | 'keys' | 'instances' | 'acknowledgements' | 'sealedAt'>

/** Why an incident is not contained, as sentences; none when it is. */
export function uncontained(facts: Facts): string[] {
  return [...keyNotRevoked(facts), ...nobodySeen(facts), ...instancesNotProved(facts), ...verifiersMissing(facts)]
}

/** Where nobody was tried, and nobody is on the feed, nothing is known of who accepts the key. */
function nobodySeen({ instances, acknowledgements }: Facts): string[] {
  const seen = instances.length + (acknowledgements?.acknowledged.length ?? 0)
  return seen > 0 ? [] : ['nobody was seen to refuse the key: no API was named, and no verifier is on the feed']
}

function keyNotRevoked({ incident, keys }: Facts): string[] {
  const { kid } = incident.plan
  const isDone = stepOf(incident, 'revoke').state === 'done'
  // A provider may list no more what it has disabled.
  const shown = keys.after.find((key) => key.kid === kid)
  const isStillGood = shown !== undefined && ['prepared', 'active', 'retiring'].includes(shown.state)
  return isDone && !isStillGood ? [] : ['the compromised key is not revoked']
}

function instancesNotProved({ instances }: Facts): string[] {
  const open = instances.filter((each) => !isProved(each)).length
  return open === 0 ? [] : [`${open} of ${instances.length} instances ${open === 1 ? 'is' : 'are'} not proved`]
}

/** Those whose lease is over accept nothing any more. */
function verifiersMissing({ acknowledgements, sealedAt }: Facts): string[] {
  const live = (acknowledgements?.missing ?? []).filter(
    ({ acceptsUntil }) => !(Date.parse(acceptsUntil) <= Date.parse(sealedAt)),
  )
  if (live.length === 0) return []
  const some = live.length === 1 ? '1 verifier on the feed has' : `${live.length} verifiers on the feed have`
  return [`${some} not acknowledged`]
}
