import { hideLines, hideNamed } from './named.ts'
import { decodedForms } from './percent.ts'
import type { Policy } from './policy.ts'
import { hideMarked, MARKS } from './prefixes.ts'
import { hideFields, hideParameters, MAX_NESTING } from './query.ts'
import { BLOCKS, type Shape, WORDS } from './shapes.ts'

// Most messages hold none of these; one scan lets them pass untouched.
const SUSPICIOUS = new RegExp(
  [
    'ey[JA]|ewo|ew0|PRIVATE KEY|LS0tLS1CRUdJTi|A[KS]IA[A-Z2-7]{16}',
    MARKS,
    'password\\b.{0,90}["\']|identified\\s|<[\\w.:-]{0,60}(?:passw|passp|secret|token|credential|key)',
    'bearer|basic|dpop|cookie|authorization|api-key|://[^\\s@]{0,800}@',
    '=|%(?:25){0,2}3d|["\'`]\\s{0,3}:|:\\s{0,3}\\\\{0,7}["\'`{[]',
  ].join('|'),
  'i',
)
const SHORTEST = 5
const FIRST_PARAMETERS = /[?#]/
const PARAMETERS = /[?&#][^\s"'`]+/g

export function hideInText(text: string, policy: Policy, nesting = 0): string {
  if (text.length < SHORTEST) return text
  const shown = text.includes(':') ? hideLines(text, policy) : text
  if (!SUSPICIOUS.test(shown)) return shown
  const parameters = replaceAll(BLOCKS, shown).replace(PARAMETERS, (run) => inRun(run, policy, nesting))
  return replaceAll(WORDS, hideMarked(hideNamed(parameters, policy)))
}

// As text first: what is no URL after all may have its quotes and brackets torn apart by parameters.
export function hideInUrl(url: string, policy: Policy, nesting = 0): string {
  const shown = hideInText(url, policy, nesting)
  const at = shown.search(FIRST_PARAMETERS)
  if (at < 0) return shown
  return shown.slice(0, at) + hideParameters(shown.slice(at), policy, (value) => holdsSecret(value, policy, nesting))
}

export function hideInForm(form: string, policy: Policy): string {
  return hideFields(hideInText(form, policy), policy, (value) => holdsSecret(value, policy, 0))
}

function replaceAll(shapes: readonly Shape[], text: string): string {
  return shapes.reduce((rest, { pattern, replace }) => rest.replace(pattern, replace), text)
}

// A backslash at the end of a run escapes the quote after it.
function inRun(run: string, policy: Policy, nesting: number): string {
  if (!run.includes('=')) return run
  const end = run.length - (/\\{1,7}$/.exec(run)?.[0].length ?? 0)
  return hideParameters(run.slice(0, end), policy, (value) => holdsSecret(value, policy, nesting)) + run.slice(end)
}

// What is not encoded is looked at in its place; here it is about what only decoding shows.
function holdsSecret(value: string, policy: Policy, nesting: number): boolean {
  const forms = decodedForms(value)
  if (nesting >= MAX_NESTING) return forms.length > 0
  return forms.some((form) => hideInUrl(form, policy, nesting + 1) !== form)
}
