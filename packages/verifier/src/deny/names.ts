/** Records stand in pieces of memory of this many words of eight bytes, and refer to their first word. */
const PIECE_BITS = 15
const PIECE_WORDS = 2 ** PIECE_BITS
const FEWEST_SLOTS = 16

/** In place of a hash: a slot that never was in use, and one that was. */
const EMPTY = 0
const GONE = 1
/** A name that has characters beyond Latin-1. */
const WIDE = 2

interface Piece {
  readonly numbers: Float64Array
  readonly bytes: Buffer
}

/** FNV-1a, and the end of MurmurHash3, which spreads what differs over all bits. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index)
    if (unit > 255) return WIDE
    hash = Math.imul(hash ^ unit, 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  hash ^= hash >>> 16
  return hash >= EMPTY && hash <= WIDE ? WIDE + 1 : hash
}

/** A record is a number, the length of the name in two bytes, and the name. */
const wordsOf = (length: number): number => 1 + Math.ceil((2 + length) / 8)

/**
 * A map from names (of 1 to 65,535 characters) to numbers, for a million of them and more, that stands in a few pieces of memory
 * and leaves nothing for the garbage collector to visit. A million names of 36 characters take 65 MB, and 86 MB of heap in a
 * Map, where a lookup takes three times as long: a name that is not there costs one look into memory that no cache has, and
 * four in a Map. Memory of names that were deleted is used again for names of about the same length.
 */
export class Names implements Iterable<readonly [name: string, value: number]> {
  /** A hash and where its record stands, for each slot; looked for from the slot that the hash names on. */
  #slots = new Int32Array(2 * FEWEST_SLOTS)
  /** Slots that are or were in use: at most half of all, so that a search is short. */
  #used = 0
  #size = 0
  #pieces: Piece[] = []
  #wordsInLast = PIECE_WORDS
  /** Records that can be used again, by their size in words. */
  #free: number[][] = []
  /** Not worth a format of their own. */
  readonly #wide = new Map<string, number>()

  get size(): number {
    return this.#size
  }

  /** Allocates nothing where a name is not there; anything but a string never is. */
  get(name: unknown): number | undefined {
    if (this.#size === 0 || typeof name !== 'string') return undefined
    const hash = hashOf(name)
    if (hash === WIDE) return this.#wide.get(name)
    const slot = this.#find(name, hash)
    if (slot < 0) return undefined
    const record = this.#slots[slot + 1] as number
    return this.#piece(record).numbers[record & (PIECE_WORDS - 1)]
  }

  has(name: unknown): boolean {
    return this.get(name) !== undefined
  }

  set(name: string, value: number): void {
    const hash = hashOf(name)
    const slot = hash === WIDE ? -1 : this.#find(name, hash)
    if (slot < 0 && !this.#wide.has(name)) this.#size++
    if (hash === WIDE) {
      this.#wide.set(name, value)
      return
    }
    const record = slot < 0 ? this.#insert(name, hash) : (this.#slots[slot + 1] as number)
    this.#piece(record).numbers[record & (PIECE_WORDS - 1)] = value
  }

  delete(name: string): void {
    const hash = hashOf(name)
    if (hash === WIDE && this.#wide.delete(name)) this.#size--
    const slot = hash === WIDE ? -1 : this.#find(name, hash)
    if (slot < 0) return
    const record = this.#slots[slot + 1] as number
    this.#slots[slot] = GONE
    this.#size--
    this.#piece(record).numbers[record & (PIECE_WORDS - 1)] = Number.NaN
    const words = wordsOf(name.length)
    this.#free[words] ??= []
    this.#free[words].push(record)
  }

  /** What is set or deleted meanwhile may be seen or not; everything else is seen once. */
  *[Symbol.iterator](): Generator<readonly [name: string, value: number], undefined> {
    for (const { numbers, bytes } of this.#pieces) {
      let word = 0
      while (word < PIECE_WORDS - 1) {
        const length = bytes.readUInt16LE((word + 1) * 8)
        if (length === 0) break
        const value = numbers[word] as number
        const begin = (word + 1) * 8 + 2
        if (!Number.isNaN(value)) yield [bytes.toString('latin1', begin, begin + length), value]
        word += wordsOf(length)
      }
    }
    yield* this.#wide
  }

  #piece(record: number): Piece {
    return this.#pieces[record >>> PIECE_BITS] as Piece
  }

  /** Index of the slot in which a name stands, or negative. */
  #find(name: string, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const found = slots[slot]
      if (found === EMPTY) return -1
      if (found === hash && this.#isAt(slots[slot + 1] as number, name)) return slot
    }
  }

  #isAt(record: number, name: string): boolean {
    const { bytes } = this.#piece(record)
    const begin = ((record & (PIECE_WORDS - 1)) + 1) * 8
    if (bytes[begin] !== (name.length & 255) || bytes[begin + 1] !== name.length >>> 8) return false
    for (let index = 0; index < name.length; index++) {
      if (bytes[begin + 2 + index] !== name.charCodeAt(index)) return false
    }
    return true
  }

  #insert(name: string, hash: number): number {
    if (2 * (this.#used + 1) > this.#slots.length / 2) this.#spread()
    const record = this.#room(wordsOf(name.length))
    const { bytes } = this.#piece(record)
    const begin = ((record & (PIECE_WORDS - 1)) + 1) * 8
    bytes.writeUInt16LE(name.length, begin)
    bytes.write(name, begin + 2, 'latin1')
    this.#put(hash, record)
    return record
  }

  #put(hash: number, record: number): void {
    const mask = this.#slots.length - 1
    let slot = (hash << 1) & mask
    while (this.#slots[slot] !== EMPTY) slot = (slot + 2) & mask
    this.#slots[slot] = hash
    this.#slots[slot + 1] = record
    this.#used++
  }

  /** Makes room for as many names again, and rids the slots of those that are gone. */
  #spread(): void {
    const old = this.#slots
    let slots = FEWEST_SLOTS
    while (slots < 3 * this.#size) slots *= 2
    this.#slots = new Int32Array(2 * slots)
    this.#used = 0
    for (let slot = 0; slot < old.length; slot += 2) {
      const hash = old[slot] as number
      if (hash !== EMPTY && hash !== GONE) this.#put(hash, old[slot + 1] as number)
    }
  }

  #room(words: number): number {
    const record = this.#free[words]?.pop()
    if (record !== undefined) return record
    if (this.#wordsInLast + words > PIECE_WORDS) {
      const memory = new ArrayBuffer(PIECE_WORDS * 8)
      this.#pieces.push({ numbers: new Float64Array(memory), bytes: Buffer.from(memory) })
      this.#wordsInLast = 0
    }
    this.#wordsInLast += words
    return (this.#pieces.length - 1) * PIECE_WORDS + this.#wordsInLast - words
  }
}
