import { emptyRoot, nodeHash } from './hash.ts'

/** The root of a complete subtree of 256^level leaves; `index` counts those of its level from the left. */
export interface TreeNode {
  level: number
  index: number
  hash: string
}

/** Leaves under a node of a level above: 2^8. */
export const heightOfLevel = 8

/**
 * All of a tree that is needed to let it grow: the roots of its complete subtrees, one for each bit of its size, the
 * largest first.
 */
export class CompactRange {
  #size: number
  readonly #peaks: string[]
  /** Told of every node that is kept: see TreeNode. */
  readonly #onNode: ((node: TreeNode) => void) | undefined

  constructor(size = 0, peaks: readonly string[] = [], onNode?: (node: TreeNode) => void) {
    this.#size = size
    this.#peaks = [...peaks]
    this.#onNode = onNode
  }

  get size(): number {
    return this.#size
  }

  copy(onNode?: (node: TreeNode) => void): CompactRange {
    return new CompactRange(this.#size, this.#peaks, onNode)
  }

  append(leaf: string): void {
    let hash = leaf
    let rest = this.#size
    for (let height = 1; rest % 2 === 1; height += 1) {
      hash = nodeHash(this.#peaks.pop() ?? '', hash)
      rest = (rest - 1) / 2
      if (height % heightOfLevel === 0) this.#onNode?.({ level: height / heightOfLevel, index: rest, hash })
    }
    this.#peaks.push(hash)
    this.#size += 1
  }

  root(): string {
    return this.#peaks.length === 0 ? emptyRoot : this.#peaks.reduceRight((right, left) => nodeHash(left, right))
  }
}
