import { parseDuration } from '@rekey/keyring'
import type { Limit } from '@rekey/service'
import { z } from 'zod'

export interface Limits {
  /** Of one source address. Who authenticates well is never limited. */
  failedAuthentications: Limit
  /** Of one administering client, and of one source address of public ones. */
  administration: Limit
  /** Of one source address. */
  logins: Limit
}

const limit = z
  .string()
  .regex(/^[1-9]\d{0,6}\/\d{1,6}(ms|s|m|h)$/, 'write for example 100/10s')
  .transform((text) => {
    const [most = '', within = ''] = text.split('/')
    return { most: Number(most), withinMs: parseDuration(within) }
  })
  .refine(({ withinMs }) => withinMs > 0, 'the window is empty')

export const limitVariables = {
  REKEY_FAILED_AUTHENTICATION_LIMIT: limit.default({ most: 100, withinMs: 10_000 }),
  REKEY_ADMINISTRATION_LIMIT: limit.default({ most: 1_000, withinMs: 10_000 }),
  REKEY_LOGIN_LIMIT: limit.default({ most: 300, withinMs: 60_000 }),
}

export function limitsOf(given: z.infer<z.ZodObject<typeof limitVariables>>): Limits {
  return {
    failedAuthentications: given.REKEY_FAILED_AUTHENTICATION_LIMIT,
    administration: given.REKEY_ADMINISTRATION_LIMIT,
    logins: given.REKEY_LOGIN_LIMIT,
  }
}
