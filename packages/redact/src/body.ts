import { MAX_BODY } from './json.ts'
import { hideInMultipart } from './multipart.ts'
import type { Policy } from './policy.ts'
import { hideInForm, hideInText } from './text.ts'

// What is text, and may be looked at as such. Whatever is not in this list is told by its size.
const TEXT =
  /^(?:text\/[\w.+-]+|application\/(?:[\w.-]+\+)?(?:xml|yaml|toml|graphql|javascript|ecmascript|jwt|jose|sql|http))$/
const JSON_TYPE = /^(?:application|text)\/(?:[\w.-]+\+)?json$/
const JSON_LINES = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines|json-seq)$/
const FORM = /^application\/x-www-form-urlencoded$/
// Anything else needs a decoder; read as UTF-8 it could hide what it holds.
const FOREIGN_CHARSET = /;\s{0,10}charset="?(?!utf-?8|us-ascii|iso-8859-1)/i

type Reader = (body: string | Uint8Array) => string | undefined

/** A body as it was sent, looked at as what its content type says it is; `json` looks at a text that may be JSON. */
export function hideInBody(
  body: string | Uint8Array,
  contentType: string,
  policy: Policy,
  json: (text: string) => string,
): string {
  const read = readerOf(contentType, policy, json)
  if (body.length > MAX_BODY || read === undefined || FOREIGN_CHARSET.test(contentType)) return sizeOf(body)
  return read(body) ?? sizeOf(body)
}

export function isForm(contentType: string): boolean {
  return FORM.test(mediaType(contentType))
}

/** What stands for a body that is not to be seen. */
export function sizeOf(body: string | Uint8Array): string {
  return typeof body === 'string' ? `<${body.length} characters>` : `<${body.length} bytes>`
}

function readerOf(contentType: string, policy: Policy, json: (text: string) => string): Reader | undefined {
  const type = mediaType(contentType)
  if (JSON_TYPE.test(type)) return (body) => json(textOf(body))
  if (JSON_LINES.test(type)) return (body) => textOf(body).split('\n').map(json).join('\n')
  if (FORM.test(type)) return (body) => hideInForm(textOf(body), policy)
  if (type === 'multipart/form-data') return (body) => hideInMultipart(bytesOf(body), contentType, policy, json)
  if (TEXT.test(type)) return (body) => hideInText(textOf(body), policy)
  // Nobody said what it is. Bytes may then be anything; a text is JSON or is not.
  return type === '' ? (body) => (typeof body === 'string' ? json(body) : undefined) : undefined
}

function mediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
}

function textOf(body: string | Uint8Array): string {
  return typeof body === 'string' ? body : Buffer.from(body).toString('utf8')
}

// One character a byte, so that sizes are true and no file is decoded.
function bytesOf(body: string | Uint8Array): string {
  return Buffer.from(body as Uint8Array).toString('latin1')
}
