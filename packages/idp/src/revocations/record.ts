import { z } from 'zod'

/** A row of `revocations`, as it stands in a line of the journal. */
export const revocation = z.object({
  id: z.uuid(),
  /** Milliseconds since the epoch, by the clock of the database. */
  at: z.number(),
  kind: z.string(),
  key: z.string(),
  state: z.record(z.string(), z.unknown()),
})

/** What was revoked, replaced or ended, and how it stands since. */
export type Revocation = z.infer<typeof revocation>
