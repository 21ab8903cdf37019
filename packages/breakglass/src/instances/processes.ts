import type { InternalAnswer } from './internal.ts'

/** More processes are never looked for behind one address. */
const MOST_CALLS = 300

/** The processes behind one address, as far as they are known by their names. */
export class Processes {
  readonly names: Set<string>

  constructor(known: Iterable<string> = []) {
    this.names = new Set(known)
  }

  /**
   * Calls until every process that is known has answered and, where that is looked for, no new one has come for so long
   * that another is unlikely: where each connection goes to any of them, one of two is missed in 1 of 128 searches, and
   * none where they take turns. One that refuses does not keep the others from being told.
   *
   * @returns an answer that was not 200 or names no process, where there was one, or else the last one; and how many of
   *   those that are known never answered
   */
  async callEach(call: () => Promise<InternalAnswer>, { search }: { search: boolean }) {
    const reached = new Set<string>()
    let bad: InternalAnswer | undefined
    let inVain = 0
    for (let calls = 1; ; calls++) {
      const answer = await call()
      const { process } = answer
      inVain++
      if (process === undefined) {
        bad ??= answer
        if (this.names.size === 0) return { answer, unreached: 0 }
      } else if (!reached.has(process)) {
        if (!this.names.has(process) || !search) inVain = 0
        this.names.add(process)
        reached.add(process)
      }
      const unreached = this.names.size - reached.size
      const isDone = inVain >= 4 + 3 * this.names.size || (unreached === 0 && !search)
      if (isDone || calls >= MOST_CALLS) return { answer: bad ?? answer, unreached }
    }
  }
}
