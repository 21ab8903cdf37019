/** Where a user is sent after the login: a path of this BFF, and nothing that any browser or proxy might read as another place. */

const longest = 2_048
/** Decoded more often by nobody. */
const mostDecodings = 4

/** @returns whether this may stand in a Location header */
export function isLocalPath(text: string): boolean {
  if (text.length > longest || !isPlain(text)) return false
  const [path = ''] = text.split(/[?#]/, 1)
  return everyReading(path)?.every(isSafe) ?? false
}

/** Visible ASCII. Browsers drop tabs and line ends from URLs, and take a backslash for a slash. */
const isPlain = (text: string) => /^[!-~]+$/.test(text) && !text.includes('\\')

/** As it stands, and as it reads when it is decoded once, twice… Nothing where it cannot be decoded, or never comes to an end. */
function everyReading(path: string): string[] | undefined {
  const readings = [path]
  for (let before = path; readings.length <= mostDecodings; ) {
    const after = decoded(before)
    if (after === before) return readings
    if (after === undefined) return readings.length === 1 ? undefined : readings
    readings.push(after)
    before = after
  }
  return undefined
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function isSafe(path: string): boolean {
  if (!/^\/(?![/\\])[^\\\p{Cc}]*$/u.test(path)) return false
  const { pathname } = new URL(path, 'http://here')
  // Dots may leave two slashes at the beginning. What logs in, again, would never end.
  return !pathname.startsWith('//') && !/^\/auth(\/|$)/.test(pathname)
}
