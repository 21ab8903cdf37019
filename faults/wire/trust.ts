import type { TestContext } from 'node:test'
import { atEnd } from '../estate/at-end.ts'
import type { Environment } from '../estate/process.ts'
import { Wire } from './proxy.ts'

/** Wires between verifiers and all instances of the identity provider, damaged all at once. */
export class TrustWires {
  readonly #t: TestContext
  readonly #wires: Wire[] = []

  constructor(t: TestContext) {
    this.#t = t
  }

  /** What a verifier is told so that it asks through wires only. */
  async environment(idps: readonly string[]): Promise<Environment> {
    const wires = await Promise.all(idps.map((idp) => Wire.to(idp)))
    this.#wires.push(...wires)
    for (const wire of wires) atEnd(this.#t, () => wire.close())
    return { REKEY_TRUST_URLS: wires.map(({ url }) => url).join(',') }
  }

  freeze(): void {
    for (const wire of this.#wires) wire.freeze()
  }

  thaw(): void {
    for (const wire of this.#wires) wire.thaw()
  }
}
