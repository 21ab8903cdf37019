import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { emptyRoot, leafHash, nodeHash } from '../../../src/audit/merkle/hash.ts'
import { rootOfPath } from '../../../src/audit/merkle/inclusion.ts'
import { CompactRange, type TreeNode } from '../../../src/audit/merkle/range.ts'
import { inclusionPath, peaksOf, type Span, spansOfEdge, spansOfPath } from '../../../src/audit/merkle/subtree.ts'

const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest()

/** MTH and PATH as RFC 9162 (2.1.1, 2.1.3.1) writes them down, over all leaves each time. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256()
  if (leaves.length === 1) return sha256(Buffer.of(0), leaves[0] as Buffer)
  const k = 2 ** Math.floor(Math.log2(leaves.length - 1))
  return sha256(Buffer.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}

function naivePath(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return []
  const k = 2 ** Math.floor(Math.log2(leaves.length - 1))
  return m < k
    ? [...naivePath(m, leaves.slice(0, k)), naiveRoot(leaves.slice(k))]
    : [...naivePath(m - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))]
}

const textOf = (i: number) => `leaf ${i}`
const leavesOf = (size: number) => Array.from({ length: size }, (_, i) => Buffer.from(textOf(i)))

/** What the database would hold of a tree, and a look-up that refuses what was not asked for first. */
function stored(size: number) {
  const nodes = new Map<string, string>()
  const keep = ({ level, index, hash }: TreeNode) => nodes.set(`${level}/${index}`, hash)
  const range = new CompactRange(0, [], keep)
  for (let index = 0; index < size; index += 1) {
    keep({ level: 0, index, hash: leafHash(textOf(index)) })
    range.append(leafHash(textOf(index)))
  }
  const lookup = (spans: readonly Span[]) => (level: number, index: number) => {
    assert.ok(
      spans.some((span) => span.level === level && index >= span.from && index < span.to),
      `${level}/${index}`,
    )
    return nodes.get(`${level}/${index}`) ?? assert.fail(`${level}/${index} is not stored`)
  }
  return { range, lookup, nodes }
}

describe('the Merkle tree', () => {
  it('knows the vectors of RFC 6962 implementations', () => {
    assert.equal(emptyRoot, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    assert.equal(leafHash(''), '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
    const two = nodeHash(leafHash(''), leafHash('\0'))
    assert.equal(two, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125')
  })

  it('has the root that RFC 9162 gives it, at every size up to 300, grown or read from what is stored', () => {
    const leaves = leavesOf(300)
    const grown = new CompactRange()
    const { lookup } = stored(300)
    for (let size = 0; size <= 300; size += 1) {
      const expected = naiveRoot(leaves.slice(0, size)).toString('hex')
      const read = new CompactRange(size, peaksOf(size, lookup(spansOfEdge(size))))
      assert.deepEqual([grown.root(), read.root(), grown.size], [expected, expected, size])
      grown.append(leafHash(textOf(size)))
      if (size === 0) continue
      read.append(leafHash(textOf(size)))
      assert.equal(read.root(), grown.root())
    }
  })

  it('proves every leaf at every size up to 300 as RFC 9162 does', () => {
    const leaves = leavesOf(300)
    const { lookup } = stored(300)
    for (let size = 1; size <= 300; size += 1) {
      const root = naiveRoot(leaves.slice(0, size)).toString('hex')
      // All of the small ones; of the others those around the borders of complete subtrees.
      const near = [0, 1, 127, 128, 254, 255, 256, 257, size - 2, size - 1]
      const indexes = size <= 40 ? [...leaves.keys()].slice(0, size) : near.filter((index) => index < size)
      for (const index of indexes) {
        const path = inclusionPath(index, size, lookup(spansOfPath(index, size)))
        assert.equal(rootOfPath(leafHash(textOf(index)), index, size, path), root, `${index} of ${size}`)
        if (size > 40) continue
        const expected = naivePath(index, leaves.slice(0, size)).map((hash) => hash.toString('hex'))
        assert.deepEqual(path, expected)
      }
    }
  })

  it('proves leaves of large trees from at most two tiles of 256 a level', () => {
    const most = 70_000
    const { lookup, nodes } = stored(most)
    assert.equal(nodes.size, most + Math.floor(most / 256) + Math.floor(most / 65_536))
    const places = fc
      .integer({ min: 1, max: most })
      .chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 })))
    fc.assert(
      fc.property(places, ([size, index]) => {
        const spans = spansOfPath(index, size)
        const root = new CompactRange(size, peaksOf(size, lookup(spansOfEdge(size)))).root()
        const path = inclusionPath(index, size, lookup(spans))
        assert.equal(rootOfPath(leafHash(textOf(index)), index, size, path), root)
        assert.ok(spans.length <= 6 && spans.every(({ from, to }) => to - from <= 256))
      }),
      { numRuns: process.env.SLOW ? 5000 : 300 },
    )
  })

  it('is led to another root, or to none, by a proof with anything changed', () => {
    const { lookup, range } = stored(300)
    const path = inclusionPath(77, 300, lookup(spansOfPath(77, 300)))
    const leaf = leafHash(textOf(77))
    const root = range.root()
    assert.equal(rootOfPath(leaf, 77, 300, path), root)
    const changes: [string, number, number, string[]][] = [
      [leafHash(textOf(78)), 77, 300, path],
      [leaf, 76, 300, path],
      [leaf, 300, 300, path],
      [leaf, 77, 128, path],
      [leaf, 77, 300, path.slice(1)],
      [leaf, 77, 300, [...path, leaf]],
      ...path.map((_, i): [string, number, number, string[]] => [leaf, 77, 300, path.with(i, leaf)]),
    ]
    for (const change of changes) assert.notEqual(rootOfPath(...change), root)
  })
})
