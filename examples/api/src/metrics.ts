import { metricsText, type Verifier } from '@rekey/verifier'
import { Counter, Registry } from 'prom-client'

/** The metrics of the API: what it answered, and what its verifier did. */
export class Metrics {
  readonly #verifier: Pick<Verifier, 'metrics'>
  readonly #registry = new Registry()
  readonly #requests = new Counter({
    name: 'api_requests_total',
    help: 'Answered requests by HTTP status, and by the code of the refusal',
    labelNames: ['status', 'code'],
    registers: [this.#registry],
  })

  constructor(verifier: Pick<Verifier, 'metrics'>) {
    this.#verifier = verifier
  }

  count(status: number, code = ''): void {
    this.#requests.inc({ status: String(status), code })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** In the text format of Prometheus. */
  async text(): Promise<string> {
    return `${await this.#registry.metrics()}\n${metricsText([this.#verifier.metrics()])}`
  }
}
