import { lineOf, pageQuery, time } from '@rekey/service'
import { z } from 'zod'
import { actions, isEvent } from './events.ts'

export const tags = ['webhooks']

const event = z
  .string()
  .max(100)
  .refine(isEvent, {
    error: ({ input }) =>
      `${JSON.stringify(input)} is no event: names are those of the audit's actions (${actions[0]}, …), patterns are like credential.* and *`,
  })

const name = lineOf(200)
const url = z
  .string()
  .min(1)
  .max(2_000)
  .describe('https, and at a public address unless REKEY_WEBHOOK_ALLOW_PRIVATE has it')
const events = z
  .array(event)
  .min(1)
  .max(100)
  .describe('Names of actions, `credential.*` for all of one sort, `*` for all')

export const webhookParams = z.object({ webhookId: lineOf(100) })
export const deliveryParams = webhookParams.extend({ deliveryId: z.uuid() })
export const newWebhook = z.strictObject({ name, url, events })
export const changedWebhook = z.strictObject({
  name: name.optional(),
  url: url.optional(),
  events: events.optional(),
  status: z.enum(['active', 'paused']).optional(),
})
export const secretRotation = z
  .strictObject({
    overlap: z
      .string()
      .max(20)
      .optional()
      .describe(
        'For how long deliveries are signed by the old secret, too; 24h by default, 0s where it has leaked, at most 90d',
      ),
  })
  .nullish()

const signingSecret = z.string().describe('By which deliveries are verified (Standard Webhooks). Never shown again')

export const shownWebhook = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string().nullable().describe('null where what is stored of it does not open: set it anew'),
  events: z.array(z.string()),
  status: z.enum(['active', 'paused', 'disabled']),
  reason: z.string().optional().describe('Why it is disabled'),
  createdAt: time,
  changedAt: time,
  failingSince: time.optional().describe('Since when nothing has got through'),
  secrets: z.array(
    z.object({ id: z.string(), state: z.enum(['active', 'retiring']), since: time, until: time.optional() }),
  ),
  deliveries: z.object({ pending: z.number(), dead_letter: z.number() }).describe('Counted up to 10000'),
})
export const createdWebhook = shownWebhook.extend({ signingSecret })
export const rotatedSecret = z.object({
  id: z.string(),
  secretId: z.string(),
  signingSecret,
  overlapEndsAt: time.optional().describe('Until then deliveries are signed by the secret that was replaced, too'),
})

export const deliveriesWanted = z.object({
  ...pageQuery,
  status: z.enum(['pending', 'delivered', 'dead_letter']).optional(),
})
export const shownDelivery = z.object({
  id: z.string(),
  messageId: z.string().describe('As the header webhook-id has it'),
  seq: z.number().describe('The place of the event in the audit'),
  action: z.string(),
  status: z.enum(['pending', 'delivered', 'dead_letter']),
  attempts: z.number(),
  createdAt: time,
  nextAttemptAt: time.optional(),
  endedAt: time.optional(),
  lastStatus: z.number().optional().describe('How the receiver answered'),
  lastError: z.string().optional(),
})
export const redelivered = z.object({ redelivered: z.number() })
