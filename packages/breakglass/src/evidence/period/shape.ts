import { z } from 'zod'
import { formats } from '../format.ts'
import { count, record, sealedAt, sealer, text, texts } from '../shape.ts'

/** What the `evidence.json` of a period has to look like: `../shape.ts` says what that means. */
export const periodEvidence = z.looseObject({
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

/** The same in the second format. The numbers and lists of `coverage` and `backend` are compared with what is drawn anew. */
export const estatePeriodEvidence = periodEvidence.extend({
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
