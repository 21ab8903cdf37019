import { StringDecoder } from 'node:string_decoder'
import { redactText } from '@rekey/redact'

const longestLine = 500
const linesKept = 5

/**
 * What a command writes to stderr, line by line as it comes, for the person who looks on and, its last lines, for the
 * message of a failure, which is stored and sealed into evidence. So secrets are taken out: what looks like one, and the
 * values of the variables that the command was given. So are control characters, with which a terminal can be made to lie.
 */
export class Lines {
  readonly #decoder = new StringDecoder('utf8')
  readonly #secrets: string[]
  readonly #onLine: (line: string) => void
  #rest = ''
  #last: string[] = []
  #inKey = false

  constructor(secrets: Iterable<string>, onLine: (line: string) => void) {
    const lines = [...secrets].flatMap((secret) => [secret, ...secret.split(/\r?\n/)])
    // The longest first, so that one that holds another is not left in pieces. A short one would blot out half the text.
    this.#secrets = lines.filter((line) => line.length >= 8).sort((a, b) => b.length - a.length)
    this.#onLine = onLine
  }

  write(chunk: Buffer): void {
    const [first = '', ...more] = this.#decoder.write(chunk).split(/\r?\n|\r/)
    // Of a line without an end no more is kept than can be seen, and as much as a secret that begins there may need.
    this.#rest = (this.#rest + first).slice(0, 20 * longestLine)
    for (const next of more) {
      this.#line(this.#rest)
      this.#rest = next.slice(0, 20 * longestLine)
    }
  }

  end(): void {
    this.#line(this.#rest + this.#decoder.end())
    this.#rest = ''
  }

  get last(): readonly string[] {
    return this.#last
  }

  #line(line: string): void {
    const shown = this.#shown(line)
    if (shown === '') return
    this.#last = [...this.#last, shown].slice(-linesKept)
    this.#onLine(shown)
  }

  #shown(line: string): string {
    // A private key is told by its first line; those that follow look like nothing at all.
    const inKey = this.#inKey || line.includes('PRIVATE KEY-----')
    this.#inKey = inKey && !line.includes('-----END')
    let text = inKey ? '<redacted>' : line
    for (const secret of this.#secrets) text = text.replaceAll(secret, '<redacted>')
    const plain = redactText(text).replace(/\p{Cc}\[[0-9;?]*[ -/]*[@-~]|\p{Cc}/gu, ' ')
    return plain.trim().slice(0, longestLine)
  }
}
