import { isDeepStrictEqual } from 'node:util'
import type { Policy } from './policy.ts'
import { hideInText } from './text.ts'

// A body that is larger helps nobody in a log, and its time would be the sender's choice.
export const MAX_BODY = 100_000

const OPENING = /^\s{0,100}[{["]/
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g

/** A JSON text after `hide` has had its value; what is no JSON is a text. Written anew only where something was hidden. */
export function hideInJson(text: string, policy: Policy, hide: (value: unknown) => unknown): string {
  const parsed = mayBeJson(text) ? parse(text) : undefined
  if (parsed === undefined) return hideInText(text, policy)
  const shown = hide(parsed.value)
  if (isDeepStrictEqual(shown, parsed.value) && namesIn(text) === membersOf(parsed.value)) return text
  return JSON.stringify(shown)
}

/** Whether it is worth the attempt: long texts and those that begin otherwise are not. */
export function mayBeJson(text: string): boolean {
  return OPENING.test(text) && text.length <= MAX_BODY
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    // Cut off, or never JSON: the caller looks at it as text.
    return undefined
  }
}

// JSON.parse keeps the last of duplicate members, so an unchanged value does not vouch for the text.
function namesIn(text: string): number {
  let names = 0
  for (const [, colon] of text.matchAll(STRING)) names += colon === undefined ? 0 : 1
  return names
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce((sum: number, item) => sum + membersOf(item), own)
}
