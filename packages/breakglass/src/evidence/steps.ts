/** What steps left behind, where it can be read: a provider of somebody else's may put more, or something else, there. */
import { z } from 'zod'
import { type IncidentRecord, type StepName, stepOf } from '../incident/record.ts'

const time = z.string()
const revision = z.looseObject({ epoch: z.number(), n: z.number() })

export const promotion = z.looseObject({
  successors: z.array(z.looseObject({ keyring: z.string(), kid: z.string(), activatedAt: time, everywhereAt: time })),
  windowMs: z.number(),
})
export const revocation = z.looseObject({
  revoked: z.array(z.looseObject({ keyring: z.string(), kid: z.string(), revokedAt: time })),
  revision: revision.optional(),
})
export const sessions = z.looseObject({
  entries: z.array(z.record(z.string(), z.unknown())),
  stores: z.array(z.looseObject({ name: z.string(), ended: z.number().nullable() })),
})
export const unavailable = z.looseObject({ unavailable: z.string() })

type Steps = Pick<IncidentRecord, 'steps'>

export const promotionOf = (record: Steps) => resultOf(record, 'promote', promotion)
export const revocationOf = (record: Steps) => resultOf(record, 'revoke', revocation)
export const sessionsOf = (record: Steps) => resultOf(record, 'sessions', sessions)
/** Why a step could not be had. */
export const unavailableOf = (record: Steps, name: StepName) => resultOf(record, name, unavailable)?.unavailable

function resultOf<T>(record: Steps, name: StepName, shape: z.ZodType<T>): T | undefined {
  const { state, result } = stepOf(record, name)
  return state === 'done' ? shape.safeParse(result).data : undefined
}
