import { BreakGlassError } from '../error.ts'
import { type ApiTarget, apiTarget } from '../incident/plan.ts'

const EVERY_ADDRESS = 'dns:'

/**
 * Reads what an operator names as APIs, one or several a line:
 *
 *     https://orders.internal                     # a comment
 *     https://a.internal,https://b.internal library=jose path=/v1/me
 *     https://a.internal path=/me,https://b.internal library=jose
 *     dns:https://api.internal                    each address of the name is an instance
 *
 * @throws BreakGlassError `PLAN_INVALID` with the number of the line, and of what stands there no more than the name of an unknown word
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

/** Words that stand together: addresses, and what is said of each of them. */
interface Group {
  addresses: string[]
  options: Record<string, string>
}

function targetsIn(words: readonly string[], line: number): ApiTarget[] {
  return groupsOf(words, line).flatMap(({ addresses, options }) => {
    if (addresses.length === 0) throw invalid(line, 'no address')
    return addresses.map((address) => targetAt(address, options, line))
  })
}

/** A comma between addresses goes on with the same ones; behind what is said of them it begins the next. */
function groupsOf(words: readonly string[], line: number): Group[] {
  const groups: Group[] = [{ addresses: [], options: {} }]
  const last = () => groups.at(-1) as Group
  for (const word of words) {
    // What else has a comma is one of the address or the path.
    const [first = '', ...others] = word.split(/,(?=(?:dns:)?https?:\/\/|$)/)
    const option = optionIn(first, line)
    if (option) Object.assign(last().options, option)
    else last().addresses.push(first)
    if (option && others.length > 0) groups.push({ addresses: [], options: {} })
    last().addresses.push(...others)
  }
  const given = groups.map(({ addresses, options }) => ({ addresses: addresses.filter(Boolean), options }))
  // A comma at the end of a line begins nothing.
  return given.filter(({ addresses, options }, index) => index === 0 || addresses.length + Object.keys(options).length)
}

/** What a word says of addresses; undefined for one that is an address. */
function optionIn(word: string, line: number): Group['options'] | undefined {
  // No longer than a name is: what is longer may be a secret that came here by mistake.
  const [, name, value = ''] = /^([A-Za-z_-]{1,20})=(.*)$/.exec(word) ?? []
  if (name === undefined) return undefined
  if (!known.includes(name)) throw invalid(line, `${name}= is unknown: there are ${known.join('= and ')}=`)
  return { [name]: value }
}

const known: readonly string[] = ['library', 'path']

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
