import type { Cancel, Clock } from '../clock.ts'
import type { VerifyError } from '../error.ts'
import type { JwtClaims } from '../jwt/claims.ts'
import { type Denial, denialOf, entryOf, isoOf, untilOf } from './denial.ts'
import type { DenyEntry, DenySink } from './entry.ts'
import { DenyFile } from './file.ts'
import { type DenyAct, DenyLog } from './log.ts'
import { checkedDenyOptions, type DenyListOptions } from './options.ts'
import { parseDenyEntries } from './parse.ts'
import { Span } from './span.ts'
import { DenyTable } from './table.ts'

/** Whose an entry is. Each origin takes back only its own, and what any of them denies is denied. */
export type DenyOrigin = 'issuer' | 'file' | 'operator'

/** An entry in force. `until` is when it can match nothing any more and is forgotten; null for a key. */
export interface DeniedEntry {
  readonly entry: DenyEntry
  readonly origin: DenyOrigin
  readonly until: string | null
}

const FORGET_EVERY_MS = 1_000

/**
 * Tokens that are refused although they are good: by key, by token, by session, or by subject, client or issuer and the
 * time of issue. Made by {@link denyList}; one list serves one verifier. An entry is forgotten when it can match nothing any more: five
 * minutes (for clocks that differ) after its `expiresAt`, or after `maxTokenLifetimeMs` have passed since its `issuedBefore` or
 * since it was added. Entries of a key stay.
 */
export class DenyList {
  /** The verifier refuses tokens that live longer: see {@link DenyListOptions}. */
  readonly maxTokenLifetimeMs: number
  /** Where the trust feed puts what the issuer denies. In memory only: after a restart the issuer sends all of it first. */
  readonly issuer: DenySink
  readonly #clock: Clock
  readonly #span: Span
  readonly #file: DenyFile | undefined
  readonly #log: DenyLog | undefined
  #issuers: DenyTable
  #files: DenyTable
  readonly #operators: DenyTable
  #generation = 0
  #onProblem: ((error: VerifyError) => void) | undefined
  #started: Promise<void> | undefined
  #closed = false
  #cancelForget: Cancel = () => {}

  constructor(options: DenyListOptions) {
    const { file, stateFile, maxTokenLifetimeMs, clock } = checkedDenyOptions(options)
    this.maxTokenLifetimeMs = maxTokenLifetimeMs
    this.#clock = clock
    this.#span = new Span(clock, maxTokenLifetimeMs)
    this.#issuers = new DenyTable(this.#span)
    this.#files = new DenyTable(this.#span)
    this.#operators = new DenyTable(this.#span)
    this.#file = file === undefined ? undefined : new DenyFile(file, clock, (entries) => this.#replaceFiles(entries))
    this.#log = stateFile === undefined ? undefined : new DenyLog(stateFile, this.#operators, this.#denial)
    this.issuer = {
      replace: (entries) => {
        this.#issuers = this.#replacement(this.#issuers, entries)
      },
      change: (add, drop) => {
        // An entry that is given anew stands in both.
        for (const entry of drop) this.#issuers.take(this.#denial('allow', entry))
        this.#put(this.#issuers, add.map(this.#toDeny))
      },
    }
  }

  /**
   * Reads `file` and `stateFile`, and watches the first. `onProblem` hears once of each outage, during which the entries
   * read last stay in force.
   * @throws {VerifyError} `deny_file_failed` when one of them cannot be read: what it denies is not known then.
   */
  start(onProblem: (error: VerifyError) => void): Promise<void> {
    this.#onProblem ??= onProblem
    if (this.#onProblem !== onProblem) return Promise.reject(new TypeError('one deny-list serves one verifier'))
    this.#started ??= this.#begin(onProblem).catch(async (error) => {
      await this.#file?.close()
      throw error
    })
    return this.#started
  }

  /** Resolves when what was being written is on disk. What is denied stays so, and nothing is read or written any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancelForget()
    await this.#started?.catch(() => {})
    await this.#file?.close()
    await this.#log?.close()
  }

  /** How many entries are held, counted for each origin. What has ended counts for some minutes more. */
  get size(): number {
    return this.#issuers.size + this.#files.size + this.#operators.size
  }

  /** Grows whenever something that was allowed may now be denied. */
  get generation(): number {
    return this.#generation
  }

  /** Whether any key is denied. */
  get deniesKeys(): boolean {
    return this.#issuers.kids + this.#files.kids + this.#operators.kids > 0
  }

  isKidDenied(kid: string): boolean {
    return this.#issuers.hasKid(kid) || this.#files.hasKid(kid) || this.#operators.hasKid(kid)
  }

  /** Whether a token is denied by its `jti`, its `sid`, or by `iat` and its `sub`, `client_id`, `azp` or `iss`; not by its key. */
  matches(claims: JwtClaims): boolean {
    return this.#issuers.matches(claims) || this.#files.matches(claims) || this.#operators.matches(claims)
  }

  /**
   * Denies for the operator: in force at once, and when it resolves, on disk too (with `stateFile`).
   * @throws {VerifyError} `deny_entry_invalid`; `deny_file_failed` when it could not be written and is in force in memory
   *   only. Do it again then.
   */
  async add(entries: readonly DenyEntry[]): Promise<void> {
    const denials = parseDenyEntries(entries).map(this.#toDeny)
    this.#put(this.#operators, denials)
    await this.#log?.append('deny', denials)
  }

  /**
   * Takes back what the operator denied; an entry takes back what reaches no further than itself. Resolves to how many there
   * were. What the issuer or the file denies stays denied.
   * @throws {VerifyError} as `add`; what could not be written is denied again after a restart.
   */
  async remove(entries: readonly DenyEntry[]): Promise<number> {
    const denials = parseDenyEntries(entries).map((entry) => this.#denial('allow', entry))
    const removed = denials.filter((denial) => this.#operators.take(denial)).length
    await this.#log?.append('allow', denials)
    return removed
  }

  /** All that is in force, each as it is held: `expiresAt` is filled in where none was given. */
  *entries(): Generator<DeniedEntry> {
    const tables = { issuer: this.#issuers, file: this.#files, operator: this.#operators }
    for (const origin of ['issuer', 'file', 'operator'] as const) {
      for (const denial of tables[origin].denials()) {
        const until = untilOf(denial.kind, denial.bound, this.#span.longestTokenS)
        yield { entry: entryOf(denial), origin, until: until === Number.POSITIVE_INFINITY ? null : isoOf(until) }
      }
    }
  }

  async #begin(onProblem: (error: VerifyError) => void): Promise<void> {
    await this.#file?.start(onProblem)
    await this.#log?.open(onProblem)
    this.#generation++
    this.#forgetByAndBy()
  }

  #forgetByAndBy(): void {
    if (this.#closed) return
    const forget = () => {
      for (const table of [this.#issuers, this.#files, this.#operators]) table.forget()
      this.#forgetByAndBy()
    }
    this.#cancelForget = this.#clock.after(FORGET_EVERY_MS, forget, true)
  }

  /** What is denied without an end is denied until every token of today is over; taking back asks for no end at all. */
  readonly #denial = (act: DenyAct, entry: DenyEntry): Denial =>
    denialOf(entry, act === 'deny' ? this.#span.latestEnd() : Number.POSITIVE_INFINITY)

  readonly #toDeny = (entry: DenyEntry): Denial => this.#denial('deny', entry)

  #put(table: DenyTable, denials: readonly Denial[]): void {
    let more = false
    for (const denial of denials) more = table.put(denial) || more
    if (more) this.#generation++
  }

  #replaceFiles(entries: readonly DenyEntry[]): void {
    this.#files = this.#replacement(this.#files, entries)
  }

  #replacement(held: DenyTable, entries: readonly DenyEntry[]): DenyTable {
    const next = new DenyTable(this.#span)
    let more = false
    for (const entry of entries) {
      const denial = this.#toDeny(entry)
      more = (next.put(denial) && !held.covers(denial)) || more
    }
    if (more) this.#generation++
    return next
  }
}

/**
 * Makes a {@link DenyList} for a verifier, which starts and closes it.
 * @throws {TypeError} for an option of the wrong shape.
 */
export function denyList(options: DenyListOptions = {}): DenyList {
  return new DenyList(options)
}
