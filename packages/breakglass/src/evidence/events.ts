/** Events of the audit, as their canonical texts spell them. A provider of somebody else's may spell its record otherwise. */
import { z } from 'zod'
import type { RecordedEvent } from '../providers/port.ts'

const event = z.looseObject({
  seq: z.number(),
  id: z.string(),
  at: z.string(),
  action: z.string(),
  actor: z.string(),
  agentId: z.string().nullish(),
  details: z.record(z.string(), z.unknown()),
})
export type Event = z.infer<typeof event>

/** Nothing where the text is no such event. One that has no place yet has no `seq` in its text: it is told as 0. */
export function readEvent({ event: text }: Pick<RecordedEvent, 'event'>): Event | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return event.safeParse(typeof value === 'object' ? { seq: 0, ...value } : value).data
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}
