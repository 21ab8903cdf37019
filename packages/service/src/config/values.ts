/** How values of variables are written. */
import { parseDuration } from '@rekey/keyring'
import { z } from 'zod'

/** `30s`, `24h`, `90d`. In milliseconds. */
export const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

/** `true` or `1`, `false` or `0`. */
export const flag = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1')
