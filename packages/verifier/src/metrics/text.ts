import type { Outcomes, VerifierMetrics } from './counters.ts'

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number]

/** One metric, of which every verifier has none, one or several samples. */
interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  /** What two verifiers of the same issuer say together: one label set must not occur twice. */
  readonly together: (one: number, other: number) => number
  samples(metrics: VerifierMetrics): readonly Sample[]
}

const PREFIX = 'rekey_verifier_'
const LONGEST_LABEL = 200
const sum = (one: number, other: number): number => one + other

const byOutcome = (outcomes: Outcomes): Sample[] => [...outcomes].map(([outcome, count]) => [{ outcome }, count])
const seconds = (ms: number | null): Sample[] => (ms === null ? [] : [[{}, ms / 1000]])
const one = (value: number | undefined): Sample[] => (value === undefined ? [] : [[{}, value]])

function counter(name: string, help: string, samples: Family['samples']): Family {
  return { name: `${PREFIX}${name}`, type: 'counter', help, together: sum, samples }
}

function gauge(name: string, help: string, together: Family['together'], samples: Family['samples']): Family {
  return { name: `${PREFIX}${name}`, type: 'gauge', help, together, samples }
}

const FAMILIES: readonly Family[] = [
  counter('verdicts_total', 'Tokens that were verified or refused, by outcome.', ({ verdicts }) => byOutcome(verdicts)),
  counter('asked_total', 'Fetches of the key set or renewals of the lease, by outcome.', ({ asked }) =>
    byOutcome(asked),
  ),
  counter('key_changes_total', 'Keys that were added, removed or revoked.', ({ keyChanges }) =>
    Object.entries(keyChanges).map(([change, count]): Sample => [{ change }, count]),
  ),
  gauge('trust_held', 'Whether tokens can be verified now.', Math.min, ({ trust }) => one(trust.held ? 1 : 0)),
  gauge('trust_age_seconds', 'Time since the issuer was last heard confirming the key set.', Math.max, ({ trust }) =>
    seconds(trust.ageMs),
  ),
  gauge('lease_left_seconds', 'How long trust lasts if nothing more is heard.', Math.min, ({ trust }) =>
    seconds(trust.leaseLeftMs),
  ),
  gauge('trust_epoch', 'Epoch of the trust set that is held, where the issuer has epochs.', Math.min, ({ trust }) =>
    one(trust.revision?.epoch),
  ),
  gauge('trust_revision', 'Revision of the trust set within its epoch.', Math.min, ({ trust }) =>
    one(trust.revision?.n),
  ),
  gauge('trusted_keys', 'Keys that are trusted now.', Math.max, ({ trust }) => one(trust.kids.length)),
  gauge('revoked_keys', 'Keys that are known to be revoked.', Math.max, ({ trust }) => one(trust.revokedKids.length)),
  gauge('key_last_used_timestamp_seconds', 'When a good token of the key was last seen.', Math.max, ({ lastUsedMs }) =>
    [...lastUsedMs].map(([kid, ms]): Sample => [{ kid }, ms / 1000]),
  ),
  gauge('denied_entries', 'Entries of the deny-list.', sum, ({ denied }) => one(denied)),
  counter('cache_hits_total', 'Verdicts that were found in the cache.', ({ cache }) => one(cache?.hits)),
  counter('cache_misses_total', 'Verdicts that were not found in the cache.', ({ cache }) => one(cache?.misses)),
  gauge('cache_entries', 'Verdicts in the cache.', sum, ({ cache }) => one(cache?.entries)),
]

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

/** A `kid` is whatever its issuer wrote: control characters and halves of pairs would spoil the whole exposition. */
function labelValue(text: string): string {
  const readable = text.slice(0, LONGEST_LABEL).replace(/(?!\n)[\p{Cc}\p{Cs}]/gu, '\ufffd')
  return readable.replace(/[\\"\n]/g, (character) => ESCAPES[character] as string)
}

function labelled(labels: Labels): string {
  const written = Object.entries(labels).map(([name, value]) => `${name}="${labelValue(value)}"`)
  return `{${written.join(',')}}`
}

function number(value: number): string {
  return Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}

function linesOf({ name, type, help, together, samples }: Family, all: readonly VerifierMetrics[]): string[] {
  const values = new Map<string, number>()
  for (const metrics of all) {
    for (const [labels, value] of samples(metrics)) {
      const key = labelled({ issuer: metrics.issuer ?? '', ...labels })
      const before = values.get(key)
      values.set(key, before === undefined ? value : together(before, value))
    }
  }
  if (values.size === 0) return []
  const written = [...values].map(([labels, value]) => `${name}${labels} ${number(value)}`)
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...written]
}

/** Of one verifier, of several, or of several that are several themselves. */
export type SomeMetrics = VerifierMetrics | readonly SomeMetrics[]

const each = (metrics: SomeMetrics): readonly VerifierMetrics[] =>
  'issuer' in metrics ? [metrics] : metrics.flatMap(each)

/**
 * What verifiers have done, in the text format of Prometheus: answer it to `GET /metrics` with the content type
 * `text/plain; version=0.0.4; charset=utf-8`. An issuer that is `null` has an empty label. Where several verifiers have
 * the same issuer, their counts are added, and of their trust the worst is told.
 */
export function metricsText(metrics: SomeMetrics): string {
  const all = each(metrics)
  return FAMILIES.flatMap((family) => linesOf(family, all))
    .map((line) => `${line}\n`)
    .join('')
}
