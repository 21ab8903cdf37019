import { z } from 'zod'

/** Exact origins, separated by commas or spaces. */
export const originList = z.string().transform((text, context) => {
  const named = text.split(/[\s,]+/).filter((part) => part !== '')
  const wrong = named.filter((part) => !isOrigin(part))
  for (const part of wrong) {
    context.addIssue({ code: 'custom', message: `${part} is no origin; write for example https://app.example` })
  }
  return named
})

/** As browsers write it: what differs from that in a letter would never match. */
function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text
}
