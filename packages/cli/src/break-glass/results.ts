import {
  type Acknowledgements,
  type BeforeRevocation,
  type Changes,
  type EndedSessions,
  type InstanceVerdict,
  isProved,
  type Plan,
  type Promotion,
  type RefreshOutcome,
  type Revocation,
  type StepName,
  type StepRecord,
  type Unavailable,
} from '@rekey/breakglass'

/** What came of a step, in a few words, and whether that is not what it was for. */
export interface ResultText {
  text?: string
  wrong?: boolean
  /** How many there are of what was listed. */
  count?: number
}

type Teller = (result: never, plan: Plan) => ResultText

const tellers: Readonly<Partial<Record<StepName, Teller>>> = {
  freeze: () => ({}),
  probes: probesText,
  promote: promotionText,
  revoke: revocationText,
  sessions: sessionsText,
  verifiers: acknowledgementsText,
  refresh: refreshText,
  prove: proofText,
  changes: changesText,
}

/** Tells what came of a step that is done. */
export function resultText({ name, result }: Pick<StepRecord, 'name' | 'result'>, plan: Plan): ResultText {
  const teller = tellers[name]
  if (!teller || result === undefined || result === null) return {}
  if (isUnavailable(result)) return { text: `not done (${titleOf[name] ?? name}): ${result.unavailable}`, wrong: true }
  return teller(result as never, plan)
}

const titleOf: Readonly<Partial<Record<StepName, string>>> = {
  freeze: 'freezing administration',
  sessions: 'ending sessions',
  verifiers: 'asking verifiers on the feed',
  changes: 'listing changes',
}

function isUnavailable(result: unknown): result is Unavailable {
  return typeof result === 'object' && result !== null && 'unavailable' in result
}

/** Only of an instance that was seen to take it does its refusal prove anything. */
function probesText({ old, instances, baselines }: BeforeRevocation): ResultText {
  if (isUnavailable(old))
    return { text: `there is no token by the compromised key to try: ${old.unavailable}`, wrong: true }
  const taken = baselines.filter(({ compromised }) => compromised === 'accepted').length
  if (taken === instances.length) return { text: `${taken} of ${taken} take it` }
  return {
    text: `a token by the compromised key is made; ${taken} of ${instances.length} API instances take it`,
    wrong: true,
  }
}

function promotionText({ successors, windowMs }: Promotion): ResultText {
  if (successors.length === 0) return { text: 'one already did' }
  const kids = successors.map(({ kid }) => kid).join(', ')
  return { text: windowMs > 0 ? `${kids}; fresh tokens may have waited ${windowMs} ms for trust` : kids }
}

function revocationText({ revoked }: Revocation): ResultText {
  return { text: revoked.map(({ kid }) => kid).join(', ') }
}

function sessionsText({ entries, stores }: EndedSessions, { sessions }: Plan): ResultText {
  if (sessions.length === 0) return { text: 'none was named' }
  // The deny-list is told first, and what cannot count tells nothing.
  const counts = stores.flatMap(({ name, ended }) => (ended === null ? [] : [`${ended} ${name.replaceAll('-', ' ')}`]))
  return { text: [counted(entries.length, 'entry', 'entries', 'on the deny-list'), ...counts].join(', ') }
}

function acknowledgementsText({ acknowledged, missing }: Acknowledgements): ResultText {
  if (missing.length === 0) return { text: `${acknowledged.length} of ${acknowledged.length}` }
  const names = missing.map(({ id }) => id).join(', ')
  const text = `${acknowledged.length} of ${acknowledged.length + missing.length} verifiers on the feed have acknowledged it; missing: ${names}`
  return { text, wrong: true }
}

function refreshText(outcomes: readonly RefreshOutcome[]): ResultText {
  if (outcomes.length === 0) return { text: 'none was named' }
  const refreshed = outcomes.filter(({ outcome }) => outcome === 'refreshed').length
  if (refreshed === outcomes.length) return { text: `${refreshed} of ${refreshed}` }
  const rest = Object.entries(Object.groupBy(outcomes, ({ outcome }) => outcome))
    .filter(([outcome]) => outcome !== 'refreshed')
    .map(([outcome, of]) => `${of?.length} ${refusals[outcome] ?? outcome}`)
  const text = `${refreshed} of ${outcomes.length} API instances were made to fetch their keys; ${rest.join(', ')}`
  // What has no endpoint to call is probed all the same.
  return { text, wrong: true }
}

const refusals: Readonly<Record<string, string>> = {
  absent: 'without the endpoint or its secret',
  refused: 'refused',
  failed: 'failed',
  unreachable: 'not reachable',
}

function proofText(verdicts: readonly InstanceVerdict[]): ResultText {
  if (verdicts.length === 0) return { text: 'no API instance was named: nothing was proved', wrong: true }
  const proved = verdicts.filter(isProved).length
  if (proved === verdicts.length) return { text: `${proved} of ${proved}` }
  return { text: `${proved} of ${verdicts.length} API instances are proved`, wrong: true }
}

function changesText({ changes, truncated }: Changes): ResultText {
  const count = `${truncated ? 'more than ' : ''}${changes.length}`
  return { text: changes.length === 0 ? 'none' : `${count} for review`, count: changes.length }
}

function counted(count: number, one: string, many: string, where: string): string {
  return `${count} ${count === 1 ? one : many} ${where}`
}
