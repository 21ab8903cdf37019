import type { Credential } from '../estate/clients.ts'
import { Part } from '../estate/part.ts'
import type { Undo } from '../estate/undo.ts'
import type { Order, Report, ReportOf } from './crowd-messages.ts'

const SCRIPT = new URL('./crowd.ts', import.meta.url)

/** What went wrong in all verifiers together. */
export interface Troubles {
  readonly problems: ReadonlyMap<string, number>
  readonly leasesLost: number
}

/** Many verifiers, spread over several processes. */
export class Crowds {
  readonly #parts: readonly Part[]

  private constructor(parts: readonly Part[]) {
    this.#parts = parts
  }

  /** Opens `count` verifiers in as many processes as there are credentials; resolves when each holds trust. */
  static async open(undo: Undo, url: string, credentials: readonly Credential[], count: number): Promise<Crowds> {
    const parts = credentials.map((_, i) => new Part(`crowd ${i + 1}`, SCRIPT))
    for (const part of parts) undo.add(() => part.stop())
    const opened = parts.map(async (part, i) => {
      const share = Math.floor(count / parts.length) + (i < count % parts.length ? 1 : 0)
      const credential = credentials[i] as Credential
      await ask(part, { do: 'open', url, ...credential, count: share }, 'opened')
    })
    await Promise.all(opened)
    return new Crowds(parts)
  }

  /** Has each process be an API too, guarded by one of its verifiers. @returns their addresses */
  async serve(): Promise<string[]> {
    return Promise.all(this.#parts.map(async (part) => (await ask(part, { do: 'serve' }, 'serving')).url))
  }

  /**
   * Every verifier accepts the token by now; when it is refused is told by the promise inside, in milliseconds of the
   * shared clock.
   */
  async watch(token: string, kid: string): Promise<{ refused: Promise<number[]> }> {
    const refused = Promise.all(this.#parts.map((part) => part.hear<ReportOf<'refused'>>('refused')))
    await Promise.all(this.#parts.map((part) => ask(part, { do: 'watch', token, kid }, 'watching')))
    return { refused: refused.then((reports) => reports.flatMap(({ at }) => at)) }
  }

  /** When the last verifier had renewed its lease after a moment; both on the shared clock. */
  async renewedSince(sinceMs: number): Promise<number> {
    const order: Order = { do: 'await-renewal', sinceMs }
    return Math.max(...(await Promise.all(this.#parts.map(async (part) => (await ask(part, order, 'renewed')).at))))
  }

  /** What went wrong since the last call. */
  async troubles(): Promise<Troubles> {
    const reports = await Promise.all(this.#parts.map((part) => ask(part, { do: 'sum-up' }, 'summed-up')))
    const problems = new Map<string, number>()
    for (const report of reports) {
      for (const [name, count] of Object.entries(report.problems)) problems.set(name, (problems.get(name) ?? 0) + count)
    }
    return { problems, leasesLost: reports.reduce((sum, { leasesLost }) => sum + leasesLost, 0) }
  }

  /** Every verifier says goodbye, and the processes end. */
  async close(): Promise<void> {
    await Promise.all(this.#parts.map((part) => ask(part, { do: 'close' }, 'closed')))
    await Promise.all(this.#parts.map((part) => part.stop()))
  }
}

function ask<T extends Report['type']>(part: Part, order: Order, type: T): Promise<ReportOf<T>> {
  return part.ask<ReportOf<T>>(order, type as ReportOf<T>['type'])
}
