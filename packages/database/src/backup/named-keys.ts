/** The longest text that names a key: a sealed value's format, the id, and its dot. */
const overlap = 96

const sealed = /(?<![A-Za-z0-9])s1\.([0-9a-f]{12})\./g
const encrypted = /(?<![A-Za-z0-9])c1\.([a-z][a-z0-9-]{0,79})\./g

/** Which keys the values of a stream name: root keys by `s1.<id>.`, keys of encrypted columns by `c1.<id>.`. */
export class NamedKeys {
  readonly #roots = new Set<string>()
  readonly #columns = new Set<string>()
  #end = ''

  read(bytes: Buffer): void {
    // What stands at the end of one piece and goes on in the next is found there.
    const text = this.#end + bytes.toString('latin1')
    for (const [, id = ''] of text.matchAll(sealed)) this.#roots.add(id)
    for (const [, id = ''] of text.matchAll(encrypted)) this.#columns.add(id)
    this.#end = text.slice(-overlap)
  }

  found(): { rootKeys: string[]; columnKeys: string[] } {
    return { rootKeys: [...this.#roots].sort(), columnKeys: [...this.#columns].sort() }
  }
}
