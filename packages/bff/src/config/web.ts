import { parseDuration } from '@rekey/keyring'
import { duration } from '@rekey/service'
import { z } from 'zod'

export interface WebSettings {
  /** A single-page application that is served at `/`. */
  readonly folder: string | undefined
  /** For so long browsers are told to come by https only (RFC 6797). 0: they are told nothing. */
  readonly hstsMaxAgeMs: number
}

export const webVariables = {
  REKEY_BFF_WEB: z.string().optional(),
  REKEY_HSTS_MAX_AGE: duration.default(parseDuration('365d')),
}

export function webOf(given: z.infer<z.ZodObject<typeof webVariables>>): WebSettings {
  return { folder: given.REKEY_BFF_WEB, hstsMaxAgeMs: given.REKEY_HSTS_MAX_AGE }
}
