import { JSON_HEADERS } from '../headers.ts'

/** How an internal endpoint answers. `text` is JSON; a long list comes in pieces. */
export interface InternalReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string | Iterable<string>
}

export function jsonReply(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  return { status, headers: { ...JSON_HEADERS, ...headers }, text: JSON.stringify(body) }
}

/** A request that cannot be done, with the answer to it. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }

  reply(): InternalReply {
    return jsonReply(this.status, { code: this.code, message: this.message }, this.headers)
  }
}
