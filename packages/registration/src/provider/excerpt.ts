import { redactBody } from '@rekey/redact'

const MOST = 300

/** The beginning of an error's body in one line, without secrets: redacted before it is cut, because half a secret has no form. */
export function excerptOf(body: string, contentType: string | null, token: string | undefined): string {
  // An opaque token has no form either: the one that was sent is known by heart.
  const unsaid = token === undefined ? body : body.replaceAll(token, '<redacted>')
  const line = String(redactBody(unsaid, contentType ?? 'text/plain'))
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  if (line === '') return 'no text'
  return line.length <= MOST ? line : `${line.slice(0, MOST)}…`
}
