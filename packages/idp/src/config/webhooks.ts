import { duration, isNetwork } from '@rekey/service'
import { z } from 'zod'

/** How webhooks are sent. */
export interface WebhookSettings {
  /** Hosts, with or without a port, and networks that may be private, and called by plain HTTP. */
  allowPrivate: readonly string[]
  /** Of one attempt, from the name to the last byte of the answer. */
  timeoutMs: number
  /** Between the first attempt and the second; three times longer each time. */
  retryBaseMs: number
  /** Of one organization. */
  most: number
  /** How long a delivery that has ended can be looked at and repeated. */
  keptMs: number
}

/** A name or an address, that of IPv6 in brackets; not a URL. */
const hostForm = /^(\[[\da-f:.]+\]|[^\s:/@?#[\]]+)(:\d{1,5})?$/i
const aMonthMs = 30 * 86_400_000

export const webhookVariables = {
  REKEY_WEBHOOK_ALLOW_PRIVATE: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((each) => each !== ''))
    .refine(
      (all) => all.every((each) => hostForm.test(each) || isNetwork(each)),
      'hosts, with or without a port, or networks as in 10.0.0.0/8, divided by commas',
    )
    .default([]),
  REKEY_WEBHOOK_TIMEOUT: duration.refine((ms) => ms >= 100 && ms <= 60_000, 'from 100ms to 60s').default(10_000),
  REKEY_WEBHOOK_RETRY_BASE: duration.refine((ms) => ms <= 3_600_000, 'at most 1h').default(5_000),
  REKEY_WEBHOOK_MAX: z.coerce.number().int().min(1).max(1_000).default(20),
  REKEY_WEBHOOK_KEPT: duration.default(aMonthMs),
}

type Given = z.infer<z.ZodObject<typeof webhookVariables>>

export function webhookSettingsOf(given: Given): WebhookSettings {
  return {
    allowPrivate: given.REKEY_WEBHOOK_ALLOW_PRIVATE,
    timeoutMs: given.REKEY_WEBHOOK_TIMEOUT,
    retryBaseMs: given.REKEY_WEBHOOK_RETRY_BASE,
    most: given.REKEY_WEBHOOK_MAX,
    keptMs: given.REKEY_WEBHOOK_KEPT,
  }
}
