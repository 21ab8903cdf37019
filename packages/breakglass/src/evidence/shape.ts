/**
 * What `evidence.json` has to look like for a report to be made of it. Members beyond these may stand there: they are sealed with
 * the rest, and shown by whoever knows them.
 *
 * Evidence that is sealed already looks like this for good: a member that has to be there besides, or another meaning of one, is a
 * new `format`, beside which this one stays.
 */
import { z } from 'zod'
import { stepNames } from '../incident/record.ts'
import { formats } from './format.ts'
import { unavailable } from './steps.ts'
import type { Evidence } from './views.ts'

const [text, flag, count] = [z.string(), z.boolean(), z.number()]
const texts = z.array(text)
const details = z.record(text, z.unknown())
const revision = z.looseObject({ epoch: count, n: count })
const sealedAt = z.iso.datetime()
const sealer = { runner: text, software: text }

const record = z.looseObject({
  signer: text.optional(),
  events: z.array(z.looseObject({ event: text, proof: z.unknown().optional() })),
  incomplete: text.optional(),
})

export const key = z.looseObject({
  kid: text,
  keyring: text,
  algorithm: text,
  state: text,
  thumbprint: text.optional(),
  reason: text.optional(),
  revokedAt: text.optional(),
})

const step = z.looseObject({
  name: text,
  state: z.enum(['pending', 'running', 'done', 'failed']),
  startedAt: text.optional(),
  endedAt: text.optional(),
  runner: text.optional(),
  attempts: count,
  error: z.looseObject({ code: text, message: text }).optional(),
})

const incident = z.looseObject({
  plan: z.looseObject({ incident: text, kid: text, reason: text }),
  openedAt: text,
  openedBy: text,
  frozen: flag,
  frozenAt: text.optional(),
  unfrozenAt: text.optional(),
  unfrozenBy: text.optional(),
  // Each of them, in their order.
  steps: z.array(step).refine((steps) => steps.map(({ name }) => name).join() === stepNames.join()),
  timeline: z.array(z.looseObject({ at: text, what: text, by: text, details: details.optional() })),
  now: text,
})

export const address = { url: text, address: text.optional(), path: text, library: text.optional() }
const holder = { id: text, library: text }

export const acknowledgements = z.looseObject({
  revision,
  acknowledged: z.array(z.looseObject({ ...holder, at: text })),
  missing: z.array(z.looseObject({ ...holder, acceptsUntil: text })),
})

export const refresh = z.looseObject({
  ...address,
  outcome: z.enum(['refreshed', 'absent', 'refused', 'failed', 'unreachable']),
  at: text,
  status: count.optional(),
  denied: flag,
  answeredBy: texts,
  message: text.optional(),
})

export const instance = z.looseObject({
  ...address,
  oldRefused: flag.nullable(),
  freshAccepted: flag.nullable(),
  deniedRefused: flag.nullable(),
  provedAt: text.optional(),
  rounds: count,
  problems: texts,
  fallback: text.optional(),
  worstCase: z.looseObject({ text, until: text.nullable() }).optional(),
})

export const changes = z.looseObject({
  since: text,
  until: text,
  changes: z.array(z.looseObject({ at: text, action: text, actor: text, because: text })),
  truncated: flag,
  note: text,
})

const incidentEvidence = z.looseObject({
  format: z.literal(formats.incident),
  sealedAt,
  sealedBy: z.looseObject({ ...sealer, clockOffsetMs: count }),
  provider: z.looseObject({ kind: text, issuer: text }),
  incident,
  keys: z.looseObject({ before: z.array(key), after: z.array(key) }),
  acknowledgements: acknowledgements.nullable(),
  refreshes: z.array(refresh),
  instances: z.array(instance),
  changes: z.union([unavailable, changes]),
  record: z.union([unavailable, record]),
  verdict: z.looseObject({ contained: flag, open: texts, notes: texts }),
})

const periodEvidence = z.looseObject({
  format: z.literal(formats.period),
  sealedAt,
  sealedBy: z.looseObject(sealer),
  issuer: text,
  control: text,
  period: z.looseObject({ from: z.iso.datetime(), to: z.iso.datetime() }),
  keyrings: z.array(
    z.looseObject({
      name: text,
      kind: text,
      algorithm: text.optional(),
      versions: z.array(z.looseObject({ id: text, state: text })),
    }),
  ),
  overdue: z.array(
    z.looseObject({ what: text, kind: text, agent: text.optional(), rotatedAt: text, overdueSince: text }),
  ),
  missing: texts,
  record,
  rotations: z.array(z.unknown()),
  revocations: z.array(z.unknown()),
  exceptions: z.array(z.unknown()),
})

const duration = count.int().positive()

const inventoried = z.looseObject({
  name: text,
  kind: text,
  owner: text,
  of: z.enum(['idp', 'bff']),
  management: z.enum(['rekey', 'declared', 'unmanaged']),
  environment: text.optional(),
  createdAt: z.iso.datetime().optional(),
  rotatedAt: z.iso.datetime().optional(),
  rotateEveryMs: duration.optional(),
  expiresAt: z.iso.datetime().optional(),
})

const history = z.looseObject({
  source: text,
  query: text,
  stepSeconds: count,
  series: z.array(z.looseObject({ labels: z.record(text, text), values: z.array(z.tuple([count, text])) })),
  sha256: text,
})

/** The numbers and lists of `coverage` and `backend` are compared with what is drawn anew. */
const estatePeriodEvidence = periodEvidence.extend({
  format: z.literal(formats.estatePeriod),
  estate: z.looseObject({
    inventory: z.array(inventoried),
    before: record.extend({ from: z.iso.datetime() }),
    bff: z.looseObject({ record, before: record }).nullable(),
    metrics: z.array(history),
    signOff: z.looseObject({ by: text, at: z.iso.datetime() }).nullable(),
  }),
  coverage: z.looseObject({ secrets: z.array(z.unknown()), classes: z.array(z.unknown()), total: z.unknown() }),
  backend: z.looseObject({}).nullable(),
})

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
