/** How far the schedule was kept, and what else the second format of a period's evidence has. */
import {
  type ClassCoverage,
  type Coverage,
  type EstateFacts,
  estateOf,
  type MetricHistory,
  type PeriodEvidence,
  type SecretCoverage,
} from '../period/document.ts'
import {
  type Block,
  bad,
  between,
  code,
  counted,
  good,
  moment,
  paragraph,
  type Section,
  type Text,
  tableOr,
  unsure,
} from './text.ts'

/** So many secrets stand in the report by name; `evidence.json` has all of them. */
const mostListed = 500

const section = (title: string, ...blocks: Block[]): Section => ({ title, blocks })

export function coverageSections(evidence: PeriodEvidence): Section[] {
  const { coverage } = evidence
  const estate = estateOf(evidence)
  if (!coverage || !estate) return []
  const of = (status: SecretCoverage['status']) => coverage.secrets.filter((each) => each.status === status)
  return [
    section('Coverage of the schedule', ...totals(coverage), ...unread(coverage, estate), classTable(coverage.classes)),
    section(
      'Secrets that were not within their interval',
      ...listed(of('overdue'), 'Every secret was within its interval during the whole period.'),
    ),
    section('Secrets that nobody is known to rotate', ...unmanaged(of('unmanaged'))),
    section('Secrets within their interval', ...listed(of('within'), 'There is none.')),
    section('Secrets that end by themselves', ...listed(of('expires'), 'There is none.')),
  ]
}

function totals({ total }: Coverage): Block[] {
  const { secrets, within, overdue, expires, withinPercent, managedPercent } = total
  const judged = within + overdue
  const rows: [string, Text][] = [
    ['Secrets', String(secrets)],
    ['Have an interval', String(judged)],
    ['Within it all the time', shareText(within, judged, withinPercent)],
    ['End by themselves', String(expires)],
    ['Managed or declared', shareText(secrets - total.unmanaged, secrets, managedPercent)],
  ]
  const how =
    'A secret counts as within its interval when at no moment of the period it was older than its schedule allows. Its age is counted ' +
    'from the rotations in the record below, and from the two moments that the inventory knew when this was sealed: when it came to ' +
    'be, and when it was last rotated.'
  return [paragraph(how), { kind: 'members', rows }]
}

/** Its secrets are in the inventory, and what happened to them is not known. */
function unread({ secrets }: Coverage, { bff }: EstateFacts): Block[] {
  const count = secrets.filter(({ of }) => of === 'bff').length
  if (bff !== null || count === 0) return []
  const what = `${counted(count, 'secret')} of the backend for frontend ${count === 1 ? 'is' : 'are'} judged by those two moments alone`
  return [paragraph(bad(`The audit of the backend for frontend is not in this evidence: ${what}.`))]
}

function shareText(some: number, all: number, percent: number | null): Text {
  const text = percent === null ? 'none' : `${some} of ${all} (${percent} %)`
  return some === all ? good(text) : bad(text)
}

function classTable(classes: readonly ClassCoverage[]): Block {
  const head = ['Class', 'Environment', 'Secrets', 'Within', 'Overdue', 'End', 'Unmanaged', 'Rotations', '%']
  const rows = classes.map((each): Text[] => [
    each.kind,
    each.environment ?? '—',
    ...[each.secrets, each.within].map(String),
    each.overdue === 0 ? '0' : bad(String(each.overdue)),
    String(each.expires),
    each.unmanaged === 0 ? '0' : unsure(String(each.unmanaged)),
    String(each.rotations),
    each.withinPercent === null ? '—' : String(each.withinPercent),
  ])
  return tableOr('There is no secret.', head, rows)
}

function listed(secrets: readonly SecretCoverage[], none: string): Block[] {
  const head = ['Secret', 'Class', 'Owner', 'Interval', 'Before', 'Rotations in the period', 'Too old for']
  const rows = secrets
    .slice(0, mostListed)
    .map((each): Text[] => [
      code(each.name),
      each.kind,
      each.owner,
      each.rotateEveryMs === undefined ? '—' : days(each.rotateEveryMs),
      each.lastBefore === undefined ? '—' : moment(each.lastBefore),
      each.rotations.length === 0 ? 'none' : each.rotations.flatMap(rotationText),
      each.overdueMs === 0 ? '—' : bad(between(new Date(0).toISOString(), new Date(each.overdueMs).toISOString())),
    ])
  return [tableOr(none, head, rows), ...more(secrets.length)]
}

/** The audit's event is what stands in `audit.jsonl` with its proof. */
const rotationText = ({ at, event }: SecretCoverage['rotations'][number], place: number): Text[] => [
  place === 0 ? '' : '; ',
  moment(at),
  event === undefined ? '' : [' (event ', code(event), ')'],
]

function unmanaged(secrets: readonly SecretCoverage[]): Block[] {
  const rows = secrets.slice(0, mostListed).map(({ name, kind, owner }): Text[] => [code(name), kind, owner])
  return [tableOr('There is none.', ['Secret', 'Class', 'Owner'], rows), ...more(secrets.length)]
}

const more = (count: number): Block[] =>
  count > mostListed ? [paragraph(`And ${counted(count - mostListed, 'more secret')}: evidence.json has them.`)] : []

const dayMs = 86_400_000
const days = (ms: number) => (ms % dayMs === 0 ? `${ms / dayMs} d` : `${ms / 1_000} s`)

/** What a Prometheus kept of the metrics: the most that each series was. */
export function metricsSection(metrics: readonly MetricHistory[]): Section {
  const rows = metrics.flatMap(({ query, series, source, sha256 }) =>
    (series.length === 0 ? [{ labels: {}, values: [] }] : series).map(({ labels, values }): Text[] => [
      code(query),
      code(
        Object.entries(labels)
          .map(([name, value]) => `${name}=${value}`)
          .join(' ') || '—',
      ),
      String(values.length),
      values.length === 0 ? '—' : String(Math.max(...values.map(([, value]) => Number(value)))),
      [code(source), ', ', code(sha256.slice(0, 16))],
    ]),
  )
  return section(
    'History of metrics',
    tableOr('No Prometheus was asked.', ['Metric', 'Series', 'Samples', 'Most', 'From, SHA-256 of the reply'], rows),
  )
}

export function signOffText({ signOff }: EstateFacts): Text {
  return signOff === null ? unsure('nobody') : [code(signOff.by), ' at ', moment(signOff.at)]
}
