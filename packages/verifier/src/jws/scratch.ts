import { decodeStrict } from './base64url.ts'

/**
 * Memory that one part of every token is decoded into. Allocating for each token costs more, in garbage collection,
 * than all other work beside the signature and JSON.parse; so does making a view, which is why the last one is kept:
 * the tokens of an issuer mostly have the same length.
 */
export class Scratch {
  readonly #memory: Buffer
  #view: Buffer

  constructor(size: number) {
    this.#memory = Buffer.allocUnsafeSlow(size)
    this.#view = this.#memory
  }

  /** The bytes of an ASCII text; valid until the next call. */
  ascii(text: string): Buffer {
    if (text.length > this.#memory.length) return Buffer.from(text, 'latin1')
    return this.#viewOf(this.#memory.write(text, 0, 'latin1'))
  }

  /** The bytes that strict base64url stands for, or undefined where it is not; valid until the next call. */
  base64url(text: string): Buffer | undefined {
    if (text.length > this.#memory.length) return decodeStrict(text)
    const length = this.#memory.write(text, 0, 'base64url')
    return this.#memory.toString('base64url', 0, length) === text ? this.#viewOf(length) : undefined
  }

  #viewOf(length: number): Buffer {
    if (this.#view.length !== length) this.#view = this.#memory.subarray(0, length)
    return this.#view
  }
}
