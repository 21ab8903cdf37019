/**
 * As `JSON.parse`, but a member that stands twice is refused: whoever reads the same text after us may take the other one.
 *
 * @throws SyntaxError
 */
export function parseUnambiguous(text: string): unknown {
  const value: unknown = JSON.parse(text)
  const names: (Set<string> | undefined)[] = []
  let last = ''
  // The text is JSON: strings are what is between quotes, and a colon outside of them follows a name.
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]
    if (sign === '"') {
      const end = endOfString(text, at)
      last = text.slice(at, end + 1)
      at = end
    } else if (sign === '{') names.push(new Set())
    else if (sign === '[') names.push(undefined)
    else if (sign === '}' || sign === ']') names.pop()
    else if (sign === ':') addOnce(names.at(-1), JSON.parse(last))
  }
  return value
}

/** By hand: a regular expression that knows escapes runs out of stack in strings of some megabytes, and takes long for many. */
function endOfString(text: string, begin: number): number {
  for (let end = text.indexOf('"', begin + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (text[end - 1 - escapes] === '\\') escapes++
    if (escapes % 2 === 0) return end
  }
}

function addOnce(names: Set<string> | undefined, name: string): void {
  if (names?.has(name)) throw new SyntaxError('a member stands twice')
  names?.add(name)
}
