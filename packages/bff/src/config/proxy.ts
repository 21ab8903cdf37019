import { duration } from '@rekey/service'
import { z } from 'zod'
import { originList } from './origin.ts'

export interface ProxySettings {
  /** Origins that may be called beside those that are configured as services or identity providers. */
  readonly outboundAllow: readonly string[]
  readonly maxBodyBytes: number
  /** For so long a request may take to arrive with its body. */
  readonly requestTimeoutMs: number
  /** For so long a service may say nothing, before its reply and within it. Streams are exempt. */
  readonly timeoutMs: number
}

const someTime = duration.refine((ms) => ms > 0, 'no time at all')

export const proxyVariables = {
  REKEY_OUTBOUND_ALLOW: originList.default([]),
  REKEY_MAX_BODY_BYTES: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(10_485_760),
  REKEY_REQUEST_TIMEOUT: someTime.default(300_000),
  REKEY_UPSTREAM_TIMEOUT: someTime.default(60_000),
}

export function proxyOf(given: z.infer<z.ZodObject<typeof proxyVariables>>): ProxySettings {
  return {
    outboundAllow: given.REKEY_OUTBOUND_ALLOW,
    maxBodyBytes: given.REKEY_MAX_BODY_BYTES,
    requestTimeoutMs: given.REKEY_REQUEST_TIMEOUT,
    timeoutMs: given.REKEY_UPSTREAM_TIMEOUT,
  }
}
