import { hideNamed } from './named.ts'
import type { Policy } from './policy.ts'
import { MARKS } from './prefixes.ts'
import { hideInText } from './text.ts'
import { hideInValue } from './value.ts'

// What may still be a secret in a line whose members went through `redactValue` already. Nearly every such line passes
// this and is written as it is.
const LEFT_OVER = new RegExp(
  [
    // Members that are told by more than their name, and JSON in strings.
    '"(?:d|p|q|dp|dq|qi|k|oth|priv)":["{[](?!<)|headers":|trailers":|"(?:name|key)":"|\\["[^"]{1,80}",|\\\\"',
    '[?&#;][^"=]{1,80}=(?!<redacted>)|ur[il]":"[^"]*[?#]',
    `ey[JA][\\w-]{6,}\\.|ew[o0][\\w-]{6,}\\.|(?:${MARKS})(?!<)|PRIVATE KEY|LS0tLS1CRUdJTi|A[KS]IA[A-Z2-7]{16}`,
    // Statements of SQL, and elements of XML.
    '\\bpassword\\b.{0,90}[\'"](?!<)|\\bidentified\\s|</[\\w.:-]{1,60}>|<!\\[CDATA',
    '\\b(?:bearer|basic|dpop)(?:\\s|%20)(?!<)|(?:cookie|authorization)\\s{0,3}:|://[^\\s:"]{0,256}:(?!<)[^\\s"]{1,512}@',
  ].join('|'),
  'i',
)

/** A line of a log, JSON or not, with the end of line it had. */
export function hideInLine(line: string, policy: Policy): string {
  const end = /\r?\n$/.exec(line)?.[0] ?? ''
  const parsed = parseObject(line)
  if (parsed === undefined) return hideInText(line, policy)
  return `${JSON.stringify(hideInValue(parsed, policy))}${end}`
}

/** The same for a line whose members were redacted before it was put together. */
export function hideLeftOver(line: string, policy: Policy): string {
  return LEFT_OVER.test(line) || hideNamed(line, policy) !== line ? hideInLine(line, policy) : line
}

function parseObject(line: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(line)
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    // A transport's own format: then by form alone.
    return undefined
  }
}
