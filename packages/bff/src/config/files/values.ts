/** How values in files of configuration are written. Each message says what is expected. */
import { parseDuration } from '@rekey/keyring'
import { isExposed } from '@rekey/service'
import { z } from 'zod'

/** A text that is not empty. */
export const text = z.string('a text').trim().min(1, 'a text that is not empty')

/** As such, or what a variable was set to. */
export const yesOrNo = z.union(
  [z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')],
  'true or false',
)

export function wholeNumber(least: number, most: number) {
  const message = `a whole number from ${least} to ${most}`
  const digits = z.string().regex(/^\d{1,15}$/)
  return z
    .union([z.number(), digits.transform(Number)], message)
    .refine((number) => Number.isInteger(number) && number >= least && number <= most, message)
}

/** A number is one of seconds. In milliseconds. */
export function seconds(leastMs: number, mostMs: number) {
  const message = `seconds, or a duration such as 500ms, 5s or 2m, from ${leastMs} ms to ${mostMs} ms`
  return z.union([z.number(), z.string()], message).transform((given, context) => {
    const ms = millisecondsOf(given)
    if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}

function millisecondsOf(given: number | string): number | undefined {
  if (typeof given === 'number' || /^\d+(\.\d+)?$/.test(given)) return Math.round(Number(given) * 1_000)
  try {
    return parseDuration(given)
  } catch {
    // What is expected is told by whoever asked.
    return undefined
  }
}

/** Which addresses may be called. */
export interface Reach {
  /** The network itself is encrypted: `REKEY_ALLOW_PLAINTEXT`. */
  readonly allowPlaintext: boolean
}

export const urlMessage =
  'an http(s) URL without credentials, query and fragment; https beyond this machine, unless REKEY_ALLOW_PLAINTEXT=true'

export function serviceUrl(reach: Reach) {
  return z.string(urlMessage).transform((given, context) => {
    const url = urlOf(given, reach)
    if (url !== undefined) return url
    context.addIssue({ code: 'custom', message: urlMessage })
    return z.NEVER
  })
}

/** Tokens and secrets go to nobody in plaintext. */
export function urlOf(given: string, { allowPlaintext }: Reach): URL | undefined {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined
  if (url.username || url.password || url.search || url.hash) return undefined
  return allowPlaintext || !isExposed(url) ? url : undefined
}
