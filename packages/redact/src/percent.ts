/** What a string is after one and after two rounds of percent-decoding, as proxies may decode before we see it. */
export function decodedForms(text: string): string[] {
  if (!text.includes('%') && !text.includes('+')) return []
  const once = decode(text)
  const twice = decode(once)
  return once === twice ? [once] : [once, twice]
}

/** Decodes what can be decoded. A malformed escape stays as it is: throwing would lose the log line, not the secret. */
function decode(text: string): string {
  return text.replaceAll('+', ' ').replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    return Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8')
  })
}
