/**
 * Characters that a reader does not see, or that turn the direction of writing around: controls, formats, line breaks, private
 * use, halves of pairs. Who names himself by them wants something else to be read than what is there. They are spelled out,
 * as in markdown.ts: a report must come out the same whatever version of Unicode the program knows.
 */
// biome-ignore format: by blocks
const ranges = [
  '\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u08e2\\u115f\\u1160\\u17b4\\u17b5',
  '\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ud800-\\udfff\\ue000-\\uf8ff\\ufeff\\uffa0\\ufff0-\\uffff',
  '\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{10ffff}',
]
const hidden = new RegExp(`[${ranges.join('')}]`, 'gu')

/** A text on one line, in which such characters are named instead: `‹U+202E›`. */
export function visible(text: string): string {
  return text.replace(/[\t\r\n]+/g, ' ').replace(hidden, (found) => `‹U+${named(found)}›`)
}

const named = (found: string) => (found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
