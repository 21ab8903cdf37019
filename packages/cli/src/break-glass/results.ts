import {
  type Acknowledgements,
  type BeforeRevocation,
  type Changes,
  type EndedSessions,
  type IncidentRecord,
  type InstanceVerdict,
  isProved,
  isUnavailable,
  type Plan,
  type Promotion,
  type RefreshOutcome,
  type Revocation,
  resultOf,
  type StepName,
  type StepResults,
  type Unavailable,
} from '@rekey/breakglass'

/** What came of a step, in a few words, and whether that is not what it was for. */
export interface ResultText {
  text?: string
  wrong?: boolean
  /** How many there are of what was listed. */
  count?: number
}

type Tellers = { readonly [Name in StepName]: (result: StepResults[Name], plan: Plan) => ResultText }

const nothing = () => ({})

const tellers: Tellers = {
  guard: nothing,
  freeze: unlessUnavailable('freezing administration', nothing),
  probes: probesText,
  promote: promotionText,
  revoke: revocationText,
  sessions: unlessUnavailable('ending sessions', sessionsText),
  verifiers: unlessUnavailable('asking verifiers on the feed', acknowledgementsText),
  refresh: refreshText,
  prove: proofText,
  changes: unlessUnavailable('listing changes', changesText),
  evidence: nothing,
}

/** Tells what came of a step; nothing of one that is not done. */
export function resultText<Name extends StepName>(record: IncidentRecord, name: Name): ResultText {
  const result = resultOf(record, name)
  return result === undefined || result === null ? {} : tellers[name](result, record.plan)
}

function unlessUnavailable<Result extends object>(what: string, tell: (result: Result, plan: Plan) => ResultText) {
  return (result: Result | Unavailable, plan: Plan): ResultText =>
    isUnavailable(result) ? { text: `${what}: ${result.unavailable}`, wrong: true } : tell(result, plan)
}

/** Only of an instance that was seen to take it does its refusal prove anything. */
function probesText({ old, instances, baselines }: BeforeRevocation): ResultText {
  if (isUnavailable(old))
    return { text: `there is no token by the compromised key to try: ${old.unavailable}`, wrong: true }
  if (instances.length === 0) return { text: 'none was named' }
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
  const window = windowMs > 0 ? `fresh tokens may have waited ${windowMs} ms for trust` : 'published before it signed'
  return { text: `${kids}; ${window}` }
}

/** A key that was retired before is accepted by nobody, and there is nothing to revoke. */
function revocationText({ revoked }: Revocation): ResultText {
  if (revoked.length === 0) return { text: 'it was out of use already' }
  return { text: revoked.map(({ kid }) => kid).join(', ') }
}

function sessionsText({ entries, stores }: EndedSessions, { sessions }: Plan): ResultText {
  if (sessions.length === 0) return { text: 'none was named' }
  // The deny-list is told first, and what cannot count tells nothing.
  const counts = stores.flatMap(({ name, ended }) => (ended === null ? [] : [endedText(name, ended)]))
  return { text: [counted(entries.length, 'entry', 'entries', 'on the deny-list'), ...counts].join(', ') }
}

/** A backend for frontend is named by its address. */
function endedText(name: string, ended: number): string {
  const [, bff] = /^bff (\S+)$/.exec(name) ?? []
  if (bff === undefined) return `${ended} ${name.replaceAll('-', ' ')}`
  return counted(ended, 'session', 'sessions', `of the backend for frontend at ${bff}`)
}

function acknowledgementsText({ acknowledged, missing }: Acknowledgements): ResultText {
  if (acknowledged.length + missing.length === 0) return { text: 'none is on it' }
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
