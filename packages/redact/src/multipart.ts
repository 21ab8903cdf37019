import { REDACTED } from './names.ts'
import type { Policy } from './policy.ts'
import { isSecretKey } from './query.ts'

const BOUNDARY = /;\s{0,10}boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i
const FIELD_NAME = /;\s{0,10}name\*?=(?:"([^"\r\n]{0,200})"|([^\s;"]{1,200}))/i
const FILE_NAME = /;\s{0,10}filename\*?=/i

/**
 * A multipart/form-data body (RFC 7578), given one character a byte: fields by their names, of files the size alone.
 * `undefined` when it is not made of parts by this content type's boundary.
 */
export function hideInMultipart(
  body: string,
  contentType: string,
  policy: Policy,
  hide: (value: string) => string,
): string | undefined {
  const found = BOUNDARY.exec(contentType)
  const boundary = found?.[1] ?? found?.[2]
  if (boundary === undefined) return undefined
  const [preamble, ...parts] = `\r\n${body}`.split(`\r\n--${boundary}`)
  if (preamble !== '' || parts.length === 0) return undefined
  const shown = parts.map((part) => (part.startsWith('--') ? '--' : hidePart(part, policy, hide)))
  return `--${boundary}${shown.join(`\r\n--${boundary}`)}`
}

function hidePart(part: string, policy: Policy, hide: (value: string) => string): string {
  const end = part.indexOf('\r\n\r\n')
  if (end < 0) return REDACTED
  const head = part.slice(0, end)
  const content = part.slice(end + 4)
  return `${hide(utf8(head))}\r\n\r\n${shownContent(head, content, policy, hide)}`
}

function shownContent(head: string, content: string, policy: Policy, hide: (value: string) => string): string {
  if (FILE_NAME.test(head)) return `<${content.length} bytes>`
  const name = FIELD_NAME.exec(head)
  const key = utf8(name?.[1] ?? name?.[2] ?? '')
  if (key === '' || isSecretKey(key, policy)) return content === '' ? '' : REDACTED
  return hide(utf8(content))
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
