import { z } from 'zod'
import { jsonOf } from '../json.ts'

const stored = z.object({
  idempotency_key: z.string(),
  body: z.record(z.string(), z.unknown()),
  thumbprint: z.string(),
})

/** A registration whose reply is not stored yet: the very same request is sent again after a crash, and uses no second token. */
export type PendingRegistration = z.infer<typeof stored>

/** What lies there, undefined when it is nothing of use: then the registration begins afresh. */
export function pendingOf(text: string | undefined): PendingRegistration | undefined {
  return stored.safeParse(jsonOf(text ?? '')).data
}
