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
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{') names.push(new Set())
    else if (token === '[') names.push(undefined)
    else if (token === '}' || token === ']') names.pop()
    else if (token === ':') addOnce(names.at(-1), JSON.parse(last))
    else last = token
  }
  return value
}

function addOnce(names: Set<string> | undefined, name: string): void {
  if (names?.has(name)) throw new SyntaxError('a member stands twice')
  names?.add(name)
}
