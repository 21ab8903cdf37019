import type { z } from 'zod'
import { originList } from './origin.ts'

export interface CorsSettings {
  /** Pages of these origins may call this BFF with the user's session, beside its own. */
  readonly origins: readonly string[]
}

/** Never a wildcard: with credentials it would let every page act for the user. `null` is what anybody's sandboxed page sends. */
export const corsVariables = { REKEY_CORS_ORIGINS: originList.default([]) }

export function corsOf(given: z.infer<z.ZodObject<typeof corsVariables>>): CorsSettings {
  return { origins: given.REKEY_CORS_ORIGINS }
}
