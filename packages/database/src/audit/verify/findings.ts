/** What is wrong in one place. */
export interface Problem {
  code: ProblemCode
  /** The place in the chain, where it can be told. */
  seq?: number
  eventId?: string
  message: string
}

/**
 * `malformed` a text is none of an event; `missing`, `out-of-order` places; `link-broken`, `changed` a text is not the one
 * that others vouch for; `forked` the chain is another one from here on than a checkpoint says; `tail-removed` it ends
 * before a checkpoint does; `hash-changed`, `node-changed` stored hashes do not fit the texts; `event-changed`,
 * `event-removed` the row of an event is not what was chained; `event-unchained`, `event-overdue` events that the chain
 * does not hold; `checkpoint-invalid`, `checkpoint-foreign`,
 * `checkpoint-removed` damaged ones, ones that another key signed, ones that are kept outside alone; `unsigned` what
 * no checkpoint covers although it should; `differs` two exports tell different stories; `empty`
 * there is nothing in what it was to be compared with.
 */
export type ProblemCode =
  | 'malformed'
  | 'missing'
  | 'out-of-order'
  | 'link-broken'
  | 'changed'
  | 'forked'
  | 'tail-removed'
  | 'hash-changed'
  | 'node-changed'
  | 'event-changed'
  | 'event-removed'
  | 'event-unchained'
  | 'event-overdue'
  | 'checkpoint-invalid'
  | 'checkpoint-foreign'
  | 'checkpoint-removed'
  | 'unsigned'
  | 'differs'
  | 'empty'

/** What came of a verification. */
export interface Verdict {
  verified: boolean
  checkedCount: number
  /** The first place that is not as it was written, or that nothing vouches for any more. */
  brokenAt?: number
  brokenAtEventId?: string
  /** The first hundred. */
  problems: Problem[]
  /** What is worth knowing and no problem. Only of an export. */
  notes?: string[]
  size: number
  /** The Merkle root over all that was checked, in hexadecimal digits. */
  root: string
  /** The fingerprint of the key by which checkpoints are signed. */
  signer: string
}

const most = 100

/** Gathers problems; only so many are kept, but the first place is the first of all. */
export class Findings {
  readonly #problems: Problem[] = []
  #first: Problem | undefined

  add(code: ProblemCode, message: string, where: { seq?: number; eventId?: string | undefined } = {}): void {
    const { seq, eventId } = where
    if (this.#problems.some((known) => known.code === code && known.seq === seq && known.eventId === eventId)) return
    const problem: Problem = {
      code,
      ...(seq === undefined ? {} : { seq }),
      ...(eventId === undefined ? {} : { eventId }),
      message,
    }
    if (this.#problems.length < most) this.#problems.push(problem)
    if (before(problem, this.#first)) this.#first = problem
  }

  /** Whether something was found in these places, both included. */
  hasWithin(from: number, to: number): boolean {
    return this.#problems.some(({ seq }) => seq !== undefined && seq >= from && seq <= to)
  }

  verdict(about: Pick<Verdict, 'checkedCount' | 'size' | 'root' | 'signer'>): Verdict {
    const { seq, eventId } = this.#first ?? {}
    return {
      verified: this.#first === undefined,
      checkedCount: about.checkedCount,
      ...(seq === undefined ? {} : { brokenAt: seq }),
      ...(eventId === undefined ? {} : { brokenAtEventId: eventId }),
      problems: this.#problems.toSorted((a, b) => placeOf(a) - placeOf(b)),
      size: about.size,
      root: about.root,
      signer: about.signer,
    }
  }
}

const placeOf = ({ seq }: Problem) => seq ?? Number.MAX_SAFE_INTEGER

/** Of two in one place the one that names the event. */
function before(problem: Problem, first: Problem | undefined): boolean {
  if (first === undefined || placeOf(problem) < placeOf(first)) return true
  return placeOf(problem) === placeOf(first) && first.eventId === undefined && problem.eventId !== undefined
}
