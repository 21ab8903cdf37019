/**
 * What must hold of a recording, whatever faults happened while it was made. Pure: it looks at the recording alone, and
 * says each breach in a sentence.
 *
 * An answer counts by the moments at which its request was sent and it arrived; where something became true between the
 * two, either outcome is right.
 */
import type { Issued, Judged, Recording, Revoked, SeenJwks, SeenKeyring } from './record.ts'

/** Of an instance, and of a verifier: how long either may act on what it has read. */
const instanceLeaseMs = 5_000
const trustLeaseMs = 15_000
/**
 * A verifier on the feed hears of a revocation within milliseconds; a machine that does much else is given a second.
 */
const toldWithinMs = 1_000

export function breachesOf(recording: Recording): string[] {
  return [
    ...recording.judged.flatMap((answer) => refusedTooEarly(answer, recording)),
    ...recording.judged.flatMap((answer) => acceptedTooLate(answer, recording)),
    ...recording.issued.flatMap((token) => issuedTooLate(token, recording)),
    ...recording.jwks.flatMap((seen) => publishedTooLate(seen, recording)),
    ...recording.keyrings.flatMap(severalActive),
    ...histories(recording.keyrings).flatMap(stepsBack),
  ]
}

/** 503 says that there is no trust at the moment; 401 says that the token is bad. */
function refusedTooEarly(answer: Judged, { revocationAskedAt }: Recording): string[] {
  if (answer.status !== 401 || answer.at >= answer.expiresAt) return []
  if (answer.at >= (revocationAskedAt.get(answer.kid) ?? Number.POSITIVE_INFINITY)) return []
  return [`${answer.api} refused a good token of ${answer.kid} (${answer.code}) at ${iso(answer.at)}`]
}

function acceptedTooLate(answer: Judged, { revoked, disturbances }: Recording): string[] {
  const revocation = answer.status === 200 ? find(revoked, answer.kid) : undefined
  if (!revocation) return []
  const sinceMs = answer.sentAt - revocation.committedBy
  const told = answer.sentAt - (revocation.answeredAt ?? Number.POSITIVE_INFINITY)
  const disturbed = disturbances.some(
    ({ party, from, to }) => party === answer.api && from <= answer.sentAt && answer.sentAt <= to + toldWithinMs,
  )
  if (sinceMs <= trustLeaseMs && (disturbed || told <= toldWithinMs)) return []
  return [`${answer.api} accepted a token of ${answer.kid} ${sinceMs} ms after its revocation`]
}

function issuedTooLate({ idp, kid, sentAt }: Issued, { revoked }: Recording): string[] {
  return isTooLate(find(revoked, kid), sentAt)
    ? [`${idp} issued by ${kid} at ${iso(sentAt)}, after its revocation`]
    : []
}

function publishedTooLate({ idp, kids, sentAt }: SeenJwks, { revoked }: Recording): string[] {
  return kids
    .filter((kid) => isTooLate(find(revoked, kid), sentAt))
    .map((kid) => `${idp} published ${kid} at ${iso(sentAt)}, after its revocation`)
}

/**
 * Answered means that every live instance has confirmed. Where nobody was left to hear the answer, a lease has to
 * pass.
 */
function isTooLate(revocation: Revoked | undefined, sentAt: number): boolean {
  if (!revocation) return false
  return sentAt > (revocation.answeredAt ?? revocation.committedBy + instanceLeaseMs)
}

function severalActive({ name, revision, versions }: SeenKeyring): string[] {
  const active = versions.filter(({ state }) => state === 'active').length
  return active === 1 ? [] : [`${name} had ${active} active versions in revision ${revision}`]
}

/** For each keyring, its documents by revision. */
function histories(keyrings: readonly SeenKeyring[]): SeenKeyring[][] {
  const byName = Map.groupBy(keyrings, ({ name }) => name)
  return [...byName.values()].map((seen) => seen.toSorted((a, b) => a.revision - b.revision || a.at - b.at))
}

const lifecycle = ['prepared', 'active', 'retiring', 'retired', 'revoked']

/** Versions go one way (nobody rolls back here), and none that was seen is ever lost. */
function stepsBack(history: readonly SeenKeyring[]): string[] {
  return history.flatMap((seen, index) => {
    const before = history[index - 1]
    return before ? before.versions.flatMap((version) => stepBack(before, version, seen)) : []
  })
}

function stepBack(before: SeenKeyring, version: SeenKeyring['versions'][number], after: SeenKeyring): string[] {
  const now = after.versions.find(({ id }) => id === version.id)
  const where = `${after.name}, revision ${before.revision} to ${after.revision}: ${version.id}`
  // Of those that were retired only the latest are kept.
  if (!now) return /^retir/.test(version.state) ? [] : [`${where} is lost`]
  if (before.revision === after.revision && now.state !== version.state) return [`${where} is two things at once`]
  const forward = lifecycle.indexOf(now.state) >= lifecycle.indexOf(version.state)
  const isRetiredForGood = version.state !== 'retired' || now.state === 'retired'
  return forward && isRetiredForGood ? [] : [`${where} went from ${version.state} to ${now.state}`]
}

const find = (revoked: readonly Revoked[], kid: string) => revoked.find((revocation) => revocation.kid === kid)
const iso = (time: number) => new Date(time).toISOString()
