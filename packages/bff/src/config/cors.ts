import { z } from 'zod'

export interface CorsSettings {
  /** Pages of these origins may call this BFF with the user's session, beside its own. */
  readonly origins: readonly string[]
}

/** Exact origins, separated by commas or spaces. With credentials a wildcard would let every page act for the user. */
const origins = z.string().transform((text, context) => {
  const named = text.split(/[\s,]+/).filter((part) => part !== '')
  for (const origin of named) {
    if (!isOrigin(origin))
      context.addIssue({ code: 'custom', message: `${origin} is no origin; write for example https://app.example` })
  }
  return named
})

/** As browsers write it: what differs from that in a letter would never match. `null` is what anybody's sandboxed page sends. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

export const corsVariables = { REKEY_CORS_ORIGINS: origins.default([]) }

export function corsOf(given: z.infer<z.ZodObject<typeof corsVariables>>): CorsSettings {
  return { origins: given.REKEY_CORS_ORIGINS }
}
