import type { Verifier } from '@rekey/verifier'
import { Counter, Gauge, Registry } from 'prom-client'

/** The metrics of the API: what it answered, and what it trusts. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests = new Counter({
    name: 'api_requests_total',
    help: 'Answered requests by HTTP status, and by the code of the refusal',
    labelNames: ['status', 'code'],
    registers: [this.#registry],
  })

  constructor(verifier: Pick<Verifier, 'trust'>) {
    this.#gauge('api_trusted_kids', 'Keys that are trusted now', () => verifier.trust.kids.length)
    this.#gauge('api_revoked_kids', 'Keys that are known to be revoked', () => verifier.trust.revokedKids.length)
    this.#gauge('api_trust_epoch', 'Epoch of the trust revision that is held', () => verifier.trust.revision?.epoch)
    this.#gauge('api_trust_revision', 'Trust revision that is held', () => verifier.trust.revision?.n)
    this.#gauge('api_trust_left_seconds', 'How long trust lasts if nothing more is heard', () => {
      return verifier.trust.leaseLeftMs / 1000
    })
  }

  count(status: number, code = ''): void {
    this.#requests.inc({ status: String(status), code })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** In the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #gauge(name: string, help: string, read: () => number | undefined): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        const value = read()
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  }
}
