import type { JwtClaims } from '../jwt/claims.ts'
import { type Denial, isIssuedBefore, untilOf } from './denial.ts'
import type { DenyKind } from './entry.ts'
import { Names } from './names.ts'
import type { Span } from './span.ts'

/** How many entries a table looks at for ended ones at a time: less than a millisecond. */
const SWEEP = 5_000

/** The entries of one origin: of each name its bound, the furthest that was put. */
export class DenyTable {
  readonly #span: Span
  readonly #bounds = {
    kid: new Names(),
    jti: new Names(),
    sid: new Names(),
    sub: new Names(),
    client_id: new Names(),
    iss: new Names(),
  } satisfies Record<DenyKind, Names>
  /** Counted, because every token asks for it: where nothing is denied, adding the kinds up took three times as long. */
  #size = 0
  /** Where the search for ended entries goes on. */
  #sweep: Iterator<Denial> | undefined

  constructor(span: Span) {
    this.#span = span
  }

  /** Entries held; those that have ended are among them until they were found. */
  get size(): number {
    return this.#size
  }

  get kids(): number {
    return this.#bounds.kid.size
  }

  hasKid(kid: string): boolean {
    return this.#bounds.kid.has(kid)
  }

  /** On the way of every token: nothing is allocated, and the time is asked for only where something was found. */
  matches(claims: JwtClaims): boolean {
    if (this.#size === 0) return false
    const { jti, sid, sub, client_id, iss } = this.#bounds
    return (
      this.#isInForce('jti', jti.get(claims.jti)) ||
      this.#isInForce('sid', sid.get(claims.sid)) ||
      this.#concerns('sub', sub.get(claims.sub), claims) ||
      this.#concerns('client_id', client_id.get(claims.client_id), claims) ||
      this.#concerns('client_id', client_id.get(claims.azp), claims) ||
      this.#concerns('iss', iss.get(claims.iss), claims)
    )
  }

  /** Of two entries for the same name the further bound counts. True when something may now be denied that was not. */
  put({ kind, name, bound }: Denial): boolean {
    if (!this.#isInForce(kind, bound)) return false
    const held = this.#bounds[kind].get(name)
    if (held !== undefined && held >= bound) return false
    if (held === undefined) this.#size++
    this.#bounds[kind].set(name, bound)
    return isIssuedBefore(kind) || !this.#isInForce(kind, held)
  }

  /** An entry takes back what reaches no further than itself. True when there was something. */
  take({ kind, name, bound }: Denial): boolean {
    const held = this.#bounds[kind].get(name)
    if (held === undefined || held > bound) return false
    this.#delete(kind, name)
    return this.#isInForce(kind, held)
  }

  /** Whether all that an entry concerns is denied here. */
  covers({ kind, name, bound }: Denial): boolean {
    const held = this.#bounds[kind].get(name)
    return this.#isInForce(kind, held) && (!isIssuedBefore(kind) || (held as number) >= bound)
  }

  /** Those that have not ended. */
  *denials(): Generator<Denial> {
    for (const denial of this.#all()) if (this.#isInForce(denial.kind, denial.bound)) yield denial
  }

  /** Forgets some of what has ended, and goes on from there the next time: a pause for a million would be felt. */
  forget(): void {
    this.#sweep ??= this.#all()
    for (let looked = 0; looked < SWEEP; looked++) {
      const { value, done } = this.#sweep.next()
      if (done === true) {
        this.#sweep = undefined
        return
      }
      if (!this.#isInForce(value.kind, value.bound)) this.#delete(value.kind, value.name)
    }
  }

  /** Of what is held. */
  #delete(kind: DenyKind, name: string): void {
    this.#bounds[kind].delete(name)
    this.#size--
  }

  *#all(): Generator<Denial, undefined> {
    for (const kind of Object.keys(this.#bounds) as DenyKind[]) {
      for (const [name, bound] of this.#bounds[kind]) yield { kind, name, bound }
    }
  }

  /** A token without `iat` cannot show that it is newer. */
  #concerns(kind: DenyKind, bound: number | undefined, { iat }: JwtClaims): boolean {
    return bound !== undefined && !((iat as number) >= bound) && this.#isInForce(kind, bound)
  }

  #isInForce(kind: DenyKind, bound: number | undefined): boolean {
    return bound !== undefined && !this.#span.isOver(untilOf(kind, bound, this.#span.longestTokenS))
  }
}
