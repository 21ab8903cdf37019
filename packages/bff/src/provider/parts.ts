import type { Clock } from '../clock.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { Client } from './authenticated.ts'
import type { Signatures } from './signatures.ts'

/** What every request of a login, a refresh or a logout has at hand. */
export interface Parts extends Client {
  readonly signatures: Signatures
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'tokenExchanges' | 'tokenValidations'>
  /** Where the provider sends browsers back to. */
  readonly redirectUri: string
  /** Separated by spaces. */
  readonly scope: string
  readonly resource: string | undefined
  readonly allowPlaintext: boolean
}

/** The parameter by which an access token for a certain service is asked for (RFC 8707 §2): each time, as the RFC has it. */
export function resourceOf({ resource }: Pick<Parts, 'resource'>): { resource?: string } {
  return resource === undefined ? {} : { resource }
}
