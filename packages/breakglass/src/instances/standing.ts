import type { ProbeKind } from '../providers/port.ts'
import { KINDS, type Round, type Seen, worse } from './round.ts'

/** What an instance was seen to do, round by round. Pure: it is told the time. */
export class Standing {
  /** Rounds in a row that say the same. */
  inRow = 0
  /** When the first of them was over. */
  since: string | undefined
  /** The instance changed its mind about the old token: several processes answer, of which not all know yet. */
  wavers = false
  #last: Round[] = []
  readonly #kept: number

  /** @param kept how many rounds, the last ones, count for what is said at the end */
  constructor(kept: number) {
    this.#kept = kept
  }

  get rounds(): number {
    return this.#last.length
  }

  add(round: Round, at: string): void {
    const before = this.#last.at(-1)
    const isSame = before !== undefined && KINDS.every((kind) => before[kind].right === round[kind].right)
    if (before?.compromised.right === true && round.compromised.right === false) this.wavers = true
    this.inRow = isSame ? this.inRow + 1 : 1
    if (!isSame) this.since = at
    this.#last = [...this.#last, round].slice(-this.#kept)
  }

  /** Whether the last round leaves nothing to wait for: what could be tried is as it must be. */
  get isWell(): boolean {
    const round = this.#last.at(-1)
    return round !== undefined && KINDS.every((kind) => round[kind].right === true || round[kind].untried === 'ever')
  }

  /** No answer at all in the last round. */
  get isSilent(): boolean {
    const round = this.#last.at(-1)
    return round !== undefined && KINDS.some((kind) => round[kind].silent === true)
  }

  /** The worst of the rounds that count. */
  worst(kind: ProbeKind): Seen {
    const seen = this.#last.reduce<Seen | undefined>((worst, round) => worse(worst, round[kind]), undefined)
    return seen ?? { right: null, open: 'it was not tried' }
  }
}
