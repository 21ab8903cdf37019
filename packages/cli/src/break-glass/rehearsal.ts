import { type Plan, placeOf, type Rehearsal } from '@rekey/breakglass'
import { printable } from '../terminal/printable.ts'
import { members, table } from '../terminal/table.ts'

/** What would be done, for somebody who has a minute before he does it. */
export function rehearsalText(plan: Plan, { inspection, instances, warnings }: Rehearsal): string {
  const { key, verifiers, obstacles } = inspection
  const facts = members({
    Key:
      key === undefined
        ? `${plan.kid} is not known here`
        : `${key.kid} (${key.algorithm}, ${key.state}) of ${key.keyring}`,
    Verifiers: `${verifiers.filter(({ live }) => live).length} on the feed`,
    Sessions: plan.sessions.length === 0 ? 'none was named' : `${plan.sessions.length} named`,
    APIs: instances.length === 0 ? 'none: nothing would be proved' : instanceCount(instances.length),
    Store: plan.suspectStore ? 'suspected to have leaked: every key in it would be replaced' : undefined,
  })
  const rows = instances.map((baseline) => [placeOf(baseline), answerText(baseline)])
  const inTheWay = obstacles.map(({ message }) => `  ! ${printable(message)}`)
  const blocking = new Set(obstacles.map(({ message }) => message))
  const open = warnings.filter((text) => !blocking.has(text)).map((text) => `  ! ${printable(text)}`)
  return [
    'Nothing was changed. This is what would be done:',
    facts,
    ...(rows.length === 0 ? [] : [table(['INSTANCE', 'ANSWERS NOW'], rows)]),
    ...(inTheWay.length === 0 ? [] : [['In the way', ...inTheWay].join('\n')]),
    ...(open.length === 0 ? [] : [['Know before', ...open].join('\n')]),
    inTheWay.length === 0
      ? 'To do it, say the same without --dry-run.'
      : 'It would not begin while that is in the way.',
  ].join('\n\n')
}

const instanceCount = (count: number) => (count === 1 ? '1 instance' : `${count} instances`)

function answerText({ refusal, problem }: Rehearsal['instances'][number]): string {
  return refusal === null ? (problem ?? 'no answer that could be understood') : `refuses a broken token with ${refusal}`
}
