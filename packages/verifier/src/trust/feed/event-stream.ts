/** One dispatched event of a `text/event-stream` (WHATWG HTML §9.2). */
export interface StreamEvent {
  readonly name: string
  readonly id: string | undefined
  readonly data: string
}

/** Longest single line or event that is buffered, in characters. */
const MAX_BUFFERED = 8 * 1024 * 1024

/**
 * Reads an event stream piece by piece. An event counts only once the blank line behind it has been read: what a broken
 * connection leaves half-said is dropped, as the standard wants.
 */
export class EventStreamParser {
  #pending = ''
  #name = ''
  #id: string | undefined
  #data: string[] = []
  #dataLength = 0

  /** @throws {RangeError} when an event is larger than anything an issuer would send. */
  push(text: string): StreamEvent[] {
    const mayEndLine = /[\n\r]/.test(text) || this.#pending.endsWith('\r')
    this.#pending += text
    if (this.#pending.length + this.#dataLength > MAX_BUFFERED) throw new RangeError('an event is too large')
    return mayEndLine ? this.#lines().flatMap((line) => this.#take(line) ?? []) : []
  }

  /** A CR at the very end may be the first half of a CRLF: it ends nothing until more has come. */
  #lines(): string[] {
    const lines = this.#pending.split(/\r\n|\n|\r(?!$)/)
    this.#pending = lines.pop() ?? ''
    return lines
  }

  #take(line: string): StreamEvent | undefined {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return undefined
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#name = value
    if (field === 'id') this.#id = value
    if (field === 'data') {
      this.#data.push(value)
      this.#dataLength += value.length
    }
    return undefined
  }

  #dispatch(): StreamEvent | undefined {
    const event = { name: this.#name || 'message', id: this.#id, data: this.#data.join('\n') }
    const empty = this.#data.length === 0
    this.#name = ''
    this.#id = undefined
    this.#data = []
    this.#dataLength = 0
    return empty ? undefined : event
  }
}
