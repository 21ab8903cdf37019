/**
 * What the `evidence.json` of an incident has to look like for a report to be made of it; `period/shape.ts` has that of a period. Members beyond these may stand there: they are sealed with
 * the rest, and shown by whoever knows them.
 *
 * Evidence that is sealed already looks like this for good: a member that has to be there besides, or another meaning of one, is a
 * new `format`, beside which this one stays.
 */
import { z } from 'zod'
import { stepNames } from '../incident/record.ts'
import { formats } from './format.ts'
import { unavailable } from './steps.ts'

export const [text, count] = [z.string(), z.number()]
const flag = z.boolean()
export const texts = z.array(text)
const details = z.record(text, z.unknown())
const revision = z.looseObject({ epoch: count, n: count })
export const sealedAt = z.iso.datetime()
export const sealer = { runner: text, software: text }

export const record = z.looseObject({
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

export const incidentEvidence = z.looseObject({
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
