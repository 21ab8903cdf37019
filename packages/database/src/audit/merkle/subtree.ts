import { nodeHash } from './hash.ts'
import { heightOfLevel } from './range.ts'

/** Looks up the root of a complete subtree of 256^level leaves; level 0 are the leaves. */
export type Lookup = (level: number, index: number) => string

/** Which nodes of a level are needed: from, up to and without `to`. */
export interface Span {
  level: number
  from: number
  to: number
}

const width = 2 ** heightOfLevel

/** The right edge of a tree of this size: all that its root is made of. */
export function spansOfEdge(size: number): Span[] {
  const spans: Span[] = []
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / width)) {
    if (count % width > 0) spans.push({ level, from: count - (count % width), to: count })
  }
  return spans
}

/** What a proof that leaf `index` stands in a tree of this size is made of. */
export function spansOfPath(index: number, size: number): Span[] {
  const spans = spansOfEdge(size)
  for (let level = 0, count = size, at = index; count > 1; level += 1) {
    const from = at - (at % width)
    if (from + width <= count) spans.push({ level, from, to: from + width })
    count = Math.floor(count / width)
    at = Math.floor(at / width)
  }
  return spans
}

/** The hash of the leaves from, up to and without `to`, which is where a split of RFC 9162 ends up. */
function hashOf(from: number, to: number, lookup: Lookup): string {
  const count = to - from
  for (let level = 0, leaves = 1; leaves <= count; level += 1, leaves *= width) {
    if (leaves === count) return lookup(level, from / leaves)
  }
  const middle = from + splitOf(count)
  return nodeHash(hashOf(from, middle, lookup), hashOf(middle, to, lookup))
}

/** The largest power of two below `count`. */
function splitOf(count: number): number {
  let split = 1
  while (split * 2 < count) split *= 2
  return split
}

/** The peaks of a tree of this size, the largest first: what a CompactRange begins with. */
export function peaksOf(size: number, lookup: Lookup): string[] {
  const peaks: string[] = []
  for (let from = 0; from < size; ) {
    const count = splitOf(size - from + 1)
    peaks.push(hashOf(from, from + count, lookup))
    from += count
  }
  return peaks
}

/** The inclusion proof of RFC 9162, section 2.1.3.1, from the leaf upwards. */
export function inclusionPath(index: number, size: number, lookup: Lookup): string[] {
  const path: string[] = []
  for (let from = 0, to = size; to - from > 1; ) {
    const middle = from + splitOf(to - from)
    if (index < middle) {
      path.unshift(hashOf(middle, to, lookup))
      to = middle
    } else {
      path.unshift(hashOf(from, middle, lookup))
      from = middle
    }
  }
  return path
}
