import { BreakGlassError } from '../error.ts'
import { type ApiTarget, apiTarget } from '../incident/plan.ts'

const EVERY_ADDRESS = 'dns:'

/**
 * Reads what an operator names as APIs, one or several a line:
 *
 *     https://orders.internal                     # a comment
 *     https://a.internal,https://b.internal library=jose path=/v1/me
 *     dns:https://api.internal                    each address of the name is an instance
 *
 * @throws BreakGlassError `PLAN_INVALID` with the number of the line, and without what stands there
 */
export function readTargets(text: string): ApiTarget[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const words = line
      .replace(/(^|\s)#.*$/, '')
      .split(/\s+/)
      .filter(Boolean)
    return words.length === 0 ? [] : targetsIn(words, index + 1)
  })
}

function targetsIn(words: readonly string[], line: number): ApiTarget[] {
  const isOption = (word: string) => /^(library|path)=/.test(word)
  const options = Object.fromEntries(words.filter(isOption).map((word) => splitAt(word, word.indexOf('='))))
  // A comma may stand in an address; between two of them the second begins behind it.
  const addresses = words.filter((word) => !isOption(word)).flatMap((word) => word.split(/,(?=(?:dns:)?https?:\/\/)/))
  if (addresses.length === 0) throw invalid(line, 'no address')
  return addresses.map((address) => targetAt(address, options, line))
}

const splitAt = (word: string, index: number): [string, string] => [word.slice(0, index), word.slice(index + 1)]

function targetAt(address: string, options: object, line: number): ApiTarget {
  const everyAddress = address.startsWith(EVERY_ADDRESS)
  const url = everyAddress ? address.slice(EVERY_ADDRESS.length) : address
  const read = apiTarget.safeParse({ url, everyAddress, ...options })
  if (!read.success) {
    const { path, message } = read.error.issues[0] ?? { path: [], message: '' }
    throw invalid(line, `${path.join('.')} is malformed (${message})`)
  }
  const { search, hash } = new URL(read.data.url)
  if (search !== '' || hash !== '') throw invalid(line, 'the address has a query or a fragment: give it with path=')
  return read.data
}

function invalid(line: number, what: string): BreakGlassError {
  return new BreakGlassError('PLAN_INVALID', `APIs, line ${line}: ${what}`, { path: 'apis', line })
}
