/**
 * Paths that every server reads alike. A path that one server takes for another one than the next server does leads around
 * what is guarded, or out of the place that a route leads to.
 */
import { BffError } from '../../error.ts'

/** What is encoded more often than this is no path of anybody's. */
const mostDecodings = 4

/**
 * @param target path and query of a request, as they came
 * @throws BffError `INVALID_REQUEST`
 */
export function requirePlainTarget(target: string): void {
  const [path = ''] = target.split('?', 1)
  // RFC 9112 §3.2.1: the origin-form, which has no fragment. Servlets drop what follows a semicolon from the path.
  if (!/^\/[!-~]*$/.test(target) || target.includes('#') || path.includes(';') || !isUtf8(path)) refuse()
  const slashes = count(path)
  let text = path
  for (let decodings = 0; decodings <= mostDecodings; decodings++) {
    if (isCrooked(text) || count(text) !== slashes) refuse()
    const next = decoded(text)
    if (next === text) return
    text = next
  }
  refuse()
}

function refuse(): never {
  throw new BffError('INVALID_REQUEST', 'the path may be read in more than one way')
}

/** Empty, `.` and `..` segments, with and without parameters as in `..;x`; backslashes; control characters. */
function isCrooked(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /\/\/|\\|[\0-\x1f\x7f]|(^|\/)\.\.?(\/|;|$)/.test(path)
}

const count = (path: string) => path.split('/').length

/** Overlong forms (`%c0%ae`) are no UTF-8. */
function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

/** What is decoded once may have a percent sign that stands for itself. */
function decoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
