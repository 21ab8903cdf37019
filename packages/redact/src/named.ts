import { isPlural, REDACTED } from './names.ts'
import type { Policy } from './policy.ts'
import { closingQuote, structureEnd } from './quoted.ts'

// Where a name ends and its value begins: `name=`, `"name":`, `\"name\":`, `name%3D`. Every quantifier is bounded.
const SIGN = /(\\{0,7}["'`])?\s{0,3}(=|:|%(?:25){0,2}3d)\s{0,3}/gi
const MAX_NAME = 80

const QUOTE = /\\{0,7}["'`]/y
// Up to white space, a quote or `&`; a comma, semicolon or bracket belongs to the value unless it ends there or another
// `name=` follows it, as in `Password=x;Initial Catalog=y`.
const BARE =
  /(?:[^\s&"'`\\;,)\]}]+|[;,)\]}]{1,32}(?=[^\s&"'`\\;,)\]}])(?![\w.-]{1,40}(?: [A-Z]\w{0,20}){0,4} ?[=:])|\\(?!\\{0,7}["'`]))+/y
const MARK = /<[\w .-]{1,40}>(?![^\s&"'`\\;,)\]}#])/y
const HARMLESS = /^(?:null|true|false|undefined)$/
const NUMBER = /^\d+(?:\.\d+)?$/

// A line of its own, as in YAML and in a dump of headers: `X-Vault-Token: abc`. In running text a colon is prose.
const LINE =
  /^([^\S\r\n]{0,16}(?:[-*<>][^\S\r\n]{1,3})?)([\w.-]{1,80})([^\S\r\n]{0,3}:[^\S\r\n]{1,8})([^\s"'`<[{]\S*)[^\S\r\n]*$/gm

/** Hides the values that stand beside a telling name: `password=x`, `"secrets":["x"]`, `token: 'x'`. */
export function hideNamed(text: string, policy: Policy): string {
  let result = ''
  let done = 0
  for (const sign of text.matchAll(SIGN)) {
    if (sign.index < done) continue
    const name = nameBefore(text, sign.index, sign[1])
    if (name === '' || !policy.isSecret(name)) continue
    const start = sign.index + sign[0].length
    const found = valueAt(text, start, { name, quote: sign[1], prose: sign[1] === undefined && sign[2] === ':' })
    if (found === undefined) continue
    result += text.slice(done, start) + found.shown
    done = found.end
  }
  return done === 0 ? text : result + text.slice(done)
}

/** Hides the values of lines that are nothing but a telling name, a colon and one word. */
export function hideLines(text: string, policy: Policy): string {
  return text.replace(LINE, (line, indent: string, name: string, colon: string, value: string) =>
    policy.isSecret(name) && !isHarmless(name, value) ? `${indent}${name}${colon}${REDACTED}` : line,
  )
}

interface Beside {
  readonly name: string
  /** The quote after the name, with the backslashes before it. */
  readonly quote: string | undefined
  /** A bare name with a colon: then only a quoted value or a structure is taken for a value. */
  readonly prose: boolean
}

function valueAt(text: string, start: number, beside: Beside): { shown: string; end: number } | undefined {
  const quote = matchAt(QUOTE, text, start)
  if (quote !== '') return quotedAt(text, start, quote)
  if (text[start] === '[' || text[start] === '{') {
    const around = beside.quote ?? ''
    return { shown: `${around}${REDACTED}${around}`, end: structureEnd(text, start) }
  }
  if (beside.prose || matchAt(MARK, text, start) !== '') return undefined
  const value = matchAt(BARE, text, start)
  if (value === '' || isHarmless(beside.name, value)) return undefined
  return { shown: REDACTED, end: start + value.length }
}

function quotedAt(text: string, start: number, quote: string): { shown: string; end: number } | undefined {
  const { length, end } = closingQuote(text, start, quote)
  return length === 0 ? undefined : { shown: `${quote}${REDACTED}${quote}`, end }
}

// Whether a secret is set at all may be told, and a plural with a number is a count.
function isHarmless(name: string, value: string): boolean {
  return HARMLESS.test(value) || (isPlural(name) && NUMBER.test(value))
}

function matchAt(pattern: RegExp, text: string, start: number): string {
  pattern.lastIndex = start
  return pattern.exec(text)?.[0] ?? ''
}

function nameBefore(text: string, end: number, quote: string | undefined): string {
  const limit = Math.max(0, end - MAX_NAME)
  const mark = quote?.at(-1)
  let start = end
  while (start > limit && (mark === undefined ? isNamePart(text.charCodeAt(start - 1)) : text[start - 1] !== mark)) {
    start -= 1
  }
  return text.slice(start, end)
}

// Letters, digits, `_`, `-`, `.`, `$`, `[` and `]`, and whatever is not ASCII.
function isNamePart(code: number): boolean {
  if (code > 127 || (code >= 48 && code <= 57)) return true
  const letter = code | 32
  return (letter >= 97 && letter <= 122) || NAME_PUNCTUATION.has(code)
}

const NAME_PUNCTUATION = new Set([...'_-.$[]'].map((character) => character.charCodeAt(0)))
