import { duration } from '@rekey/service'
import type { z } from 'zod'

/** How soon another instance does what one left behind that was killed. */
export interface JobSettings {
  /** So long beyond the longest that its work can take nothing is taken from a worker. */
  graceSeconds: number
  /** So often it is looked for what workers left behind. */
  superviseSeconds: number
}

export const jobVariables = {
  REKEY_JOBS_TAKEOVER: duration.refine((ms) => ms >= 2_000 && ms <= 600_000, 'from 2s to 10m').default(20_000),
}

type Given = z.infer<z.ZodObject<typeof jobVariables>>

/** A quarter of the time is grace, for a worker may only be slow; the rest may pass until somebody looks. */
export function jobSettingsOf({ REKEY_JOBS_TAKEOVER: ms }: Given): JobSettings {
  const graceSeconds = Math.max(1, Math.floor(ms / 4_000))
  return { graceSeconds, superviseSeconds: Math.floor(ms / 1_000) - graceSeconds }
}
