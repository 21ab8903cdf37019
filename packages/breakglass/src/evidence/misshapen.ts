import type { z } from 'zod'
import { formats } from './format.ts'
import { estatePeriodEvidence, periodEvidence } from './period/shape.ts'
import { incidentEvidence } from './shape.ts'
import type { Evidence } from './views.ts'

const shapes: ReadonlyMap<unknown, z.ZodType> = new Map<unknown, z.ZodType>([
  [formats.incident, incidentEvidence],
  [formats.period, periodEvidence],
  [formats.estatePeriod, estatePeriodEvidence],
])

/** What is wrong with a document as evidence: a path in it; nothing when it is whole. */
export function misshapen(value: unknown): string | undefined {
  const shape = shapes.get((value as Partial<Evidence> | undefined)?.format) ?? incidentEvidence
  const [issue] = shape.safeParse(value).error?.issues ?? []
  return issue && (issue.path.join('.') || 'format')
}
