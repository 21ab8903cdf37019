/**
 * Where a quoted string ends that begins at `start`. JSON in a string in JSON has its quotes escaped once, twice, …:
 * the backslashes before the opening quote tell how often, and a closing quote has as many, besides pairs of them for
 * each backslash at the end of the content. Without an end, all the rest belongs to the string.
 */
export function closingQuote(text: string, start: number, quote: string): { length: number; end: number } {
  const mark = quote.at(-1) ?? '"'
  const level = quote.length - 1
  const first = start + quote.length
  for (let at = text.indexOf(mark, first); at >= 0; at = text.indexOf(mark, at + 1)) {
    const before = backslashesBefore(text, at, first)
    // Fewer than at the opening: this quote ends the string around this one.
    if (before < level) return { length: at - before - first, end: at - before }
    if (before % (2 * level + 2) === level) return { length: at - level - first, end: at + 1 }
  }
  return { length: text.length - first, end: text.length }
}

/** Where an array or an object ends that begins at `start`: after its last bracket, or with the text. */
export function structureEnd(text: string, start: number): number {
  const next = /["'`{}[\]]/g
  next.lastIndex = start
  let depth = 0
  for (let found = next.exec(text); found !== null; found = next.exec(text)) {
    const [sign] = found
    if (sign === '{' || sign === '[') depth += 1
    else if (sign === '}' || sign === ']') depth -= 1
    else next.lastIndex = stringEnd(text, found.index, start)
    if (depth === 0) return next.lastIndex
  }
  return text.length
}

function stringEnd(text: string, at: number, start: number): number {
  const from = at - backslashesBefore(text, at, start)
  return closingQuote(text, from, text.slice(from, at + 1)).end
}

function backslashesBefore(text: string, at: number, limit: number): number {
  let from = at
  while (from > limit && text[from - 1] === '\\') from -= 1
  return at - from
}
