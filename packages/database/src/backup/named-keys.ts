/** A keyring's document has a known text by each key that was ever given, also by those that nothing needs any more. */
const ofKnownText = '"known": "'

const sealed = /(?<![A-Za-z0-9])s1\.([0-9a-f]{12})\./g
const encrypted = new RegExp(`(?<![A-Za-z0-9]|${ofKnownText})c1\\.([a-z][a-z0-9-]{0,79})\\.`, 'g')

/** What stands before a name, and the longest text that names a key: a value's format, the id, and its dot. */
const overlap = ofKnownText.length + 84

/** Which keys the values of a stream need: root keys by `s1.<id>.`, keys of encrypted columns by `c1.<id>.`. */
export class NamedKeys {
  readonly #roots = new Set<string>()
  readonly #columns = new Set<string>()
  #end = ''

  read(bytes: Buffer): void {
    // What stands at the end of one piece and goes on in the next is found there.
    const text = this.#end + bytes.toString('latin1')
    // What stands before these is cut off, and they were judged with it.
    const judged = this.#end.length < overlap ? 0 : ofKnownText.length
    for (const { 1: id = '', index } of text.matchAll(sealed)) if (index >= judged) this.#roots.add(id)
    for (const { 1: id = '', index } of text.matchAll(encrypted)) if (index >= judged) this.#columns.add(id)
    this.#end = text.slice(-overlap)
  }

  found(): { rootKeys: string[]; columnKeys: string[] } {
    return { rootKeys: [...this.#roots].sort(), columnKeys: [...this.#columns].sort() }
  }
}
