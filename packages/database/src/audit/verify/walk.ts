import { noHash, readTail } from '../canonical.ts'
import { hashPrefixed } from '../merkle/hash.ts'
import { CompactRange, type TreeNode } from '../merkle/range.ts'
import type { Findings } from './findings.ts'

/** Somebody's word for what the chain was at a size. */
export interface Vouch {
  size: number
  root: string
  head: string
  /** Who says so, for messages. */
  by: string
  /** When he said so: ISO 8601, by the database's clock. */
  time?: string
  /** It was seen of a chain that was broken already: it may contradict, but what fits it is not right for that. */
  onlyAccuses?: boolean
}

interface Torn {
  seq: number
  /** What the text would hash to if it named the hash of the one before it. */
  mended: string
  own: string
  text: Buffer
  before: Buffer | undefined
}

/**
 * Goes over the texts of a chain in their order: places, links, and the Merkle roots that were vouched for.
 *
 * Two texts that do not link leave open which of them was changed. The one after them says: it names the hash of the second.
 * If it names what the second would be if that one linked, then only the link was changed; and a root vouches for all before
 * it, whatever follows.
 */
export class Walk {
  readonly #findings: Findings
  /** Without the last text: of a tree that is not as it was said to be, the last leaf may be all that is wrong. */
  readonly #tree: CompactRange
  #taken = 0
  #vouches: Vouch[] = []
  #seq = 0
  #hash = noHash
  #text: Buffer | undefined
  #torn: Torn | undefined
  #vouchedFor = 0
  #doubt: { vouch: Vouch; onlyLast: boolean; last: Buffer | undefined } | undefined

  constructor(findings: Findings, onNode?: (node: TreeNode) => void) {
    this.#findings = findings
    this.#tree = new CompactRange(0, [], onNode)
  }

  /** The place of the last text. */
  get seq(): number {
    return this.#seq
  }

  get head(): string {
    return this.#hash
  }

  /** Up to here a root is what it was said to be. */
  get vouchedFor(): number {
    return this.#vouchedFor
  }

  root(): string {
    return this.#rootWith(this.#hash)
  }

  /** Adds words for the size that was reached and for those to come; what was passed by already is not looked at. */
  expect(vouches: readonly Vouch[]): void {
    this.#vouches = [...this.#vouches, ...vouches].sort((a, b) => a.size - b.size)
    this.#compare()
  }

  /**
   * @param text a zero byte and the canonical text
   * @returns its leaf hash
   */
  take(text: Buffer): string {
    const hash = hashPrefixed(text)
    const tail = readTail(text)
    const expected = this.#seq + 1
    if (this.#torn) this.#settle(tail?.previousHash)
    if (tail?.previousHash === this.#hash) {
      if (tail.seq !== expected)
        this.#find('changed', `event ${expected} says that it is number ${tail.seq}`, expected, text)
    } else if (tail?.seq === expected) {
      this.#torn = { seq: expected, mended: mended(text, tail.hashAt, this.#hash), own: hash, text, before: this.#text }
    } else if (tail === undefined) {
      this.#find('malformed', `the text in place ${expected} is no event`, expected)
    } else if (tail.seq > expected) {
      this.#find('missing', `events ${expected} to ${tail.seq - 1} are missing`, expected)
      this.#seq = tail.seq - 1
    } else {
      this.#find('out-of-order', `event ${tail.seq} stands after event ${this.#seq}`, tail.seq, text)
      return hash
    }
    this.#accept(text, hash)
    return hash
  }

  /**
   * To be called after the last text.
   *
   * @param closedAt when what ends here was signed to end here: words of later say nothing about its end
   * @returns the last of those, where no other tells of more than there is
   */
  finish(closedAt?: string): Vouch | undefined {
    this.#settle(this.#doubt?.vouch.size === this.#seq ? this.#doubt.vouch.head : undefined)
    this.#sayDoubt()
    if (this.#tree.size < this.#taken) this.#tree.append(this.#hash)
    this.#holdWithoutLast()
    const isLater = ({ time }: Vouch) => closedAt !== undefined && time !== undefined && time > closedAt
    const beyond = this.#vouches.filter(({ size }) => size > this.#seq)
    const removed = beyond.findLast((vouch) => !isLater(vouch))
    if (removed) {
      const message = `${removed.by} covers ${removed.size} events; the chain ends with event ${this.#seq}`
      this.#find('tail-removed', message, this.#seq + 1)
    }
    return removed ? undefined : beyond.findLast(isLater)
  }

  #accept(text: Buffer, hash: string): void {
    if (this.#taken > 0) this.#tree.append(this.#hash)
    this.#taken += 1
    this.#seq += 1
    this.#hash = hash
    this.#text = text
    if ((this.#vouches[0]?.size ?? Number.POSITIVE_INFINITY) <= this.#seq) this.#compare()
  }

  #compare(): void {
    while ((this.#vouches[0]?.size ?? Number.POSITIVE_INFINITY) <= this.#seq) {
      const vouch = this.#vouches.shift() as Vouch
      // Once texts are missing roots no longer fit, which says nothing new.
      if (vouch.size === this.#seq && this.#taken === this.#seq && !this.#doubt) this.#hold(vouch)
    }
  }

  #hold(vouch: Vouch): void {
    if (vouch.root === this.root()) this.#vouchedFor = vouch.onlyAccuses ? this.#vouchedFor : this.#seq
    else this.#doubt = { vouch, onlyLast: this.#rootWith(vouch.head) === vouch.root, last: this.#text }
  }

  /** Where the last event alone is gone, its checkpoint still tells its hash, and so vouches for all before. */
  #holdWithoutLast(): void {
    const next = this.#vouches.find(({ size, onlyAccuses }) => size === this.#seq + 1 && !onlyAccuses)
    if (!next || this.#doubt || this.#taken !== this.#seq) return
    const whole = this.#tree.copy()
    whole.append(next.head)
    if (whole.root() === next.root) this.#vouchedFor = this.#seq
  }

  #rootWith(last: string): string {
    const whole = this.#tree.copy()
    if (whole.size < this.#taken) whole.append(last)
    return whole.root()
  }

  #settle(next: string | undefined): void {
    const torn = this.#torn
    if (!torn) return
    this.#torn = undefined
    const isFirstVouchedFor = this.#vouchedFor >= torn.seq - 1
    const second = isFirstVouchedFor || (next === torn.mended && next !== torn.own)
    const [seq, text] = second ? [torn.seq, torn.text] : [torn.seq - 1, torn.before]
    this.#find('link-broken', `event ${torn.seq} does not follow on event ${torn.seq - 1}`, seq, text)
  }

  #sayDoubt(): void {
    if (!this.#doubt) return
    const { vouch, onlyLast, last } = this.#doubt
    const from = this.#vouchedFor + 1
    if (onlyLast) this.#find('changed', `event ${vouch.size} is not the one that ${vouch.by} covers`, vouch.size, last)
    if (this.#findings.hasWithin(from, vouch.size)) return
    const message = `events ${from} to ${vouch.size} are not those that ${vouch.by} covers`
    this.#find('forked', message, from)
  }

  #find(code: Parameters<Findings['add']>[0], message: string, seq: number, text?: Buffer): void {
    this.#findings.add(code, message, { seq, eventId: text && eventIdOf(text) })
  }
}

function mended(text: Buffer, hashAt: number, previousHash: string): string {
  const copy = Buffer.from(text)
  copy.write(previousHash, hashAt, 'latin1')
  return hashPrefixed(copy)
}

const beforeId = Buffer.from('"id":"')
const idLength = 36

// The last one: details, which come before it, may have a member of this name. No expression goes over the text: of one that
// somebody put in it may take a minute.
function eventIdOf(text: Buffer): string | undefined {
  const at = text.lastIndexOf(beforeId)
  if (at === -1) return undefined
  const start = at + beforeId.length
  return /^([0-9a-f-]{36})"$/.exec(text.toString('latin1', start, start + idLength + 1))?.[1]
}
