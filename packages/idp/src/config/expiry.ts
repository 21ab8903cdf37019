import { duration } from '@rekey/service'
import type { z } from 'zod'

/** When the holders of credentials are told that these end. */
export interface ExpiryPolicy {
  /** So long before its end a credential expires soon. */
  warningMs: number
}

const aWeekMs = 7 * 86_400_000

export const expiryVariables = { REKEY_EXPIRY_WARNING: duration.default(aWeekMs) }

type Given = z.infer<z.ZodObject<typeof expiryVariables>>

export function expiryPolicyOf({ REKEY_EXPIRY_WARNING: warningMs }: Given): ExpiryPolicy {
  return { warningMs }
}
