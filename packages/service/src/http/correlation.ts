import { randomUUID } from 'node:crypto'

/**
 * A caller's correlation id is passed on when it is one, so that a request can be followed through several services.
 *
 * @param given its X-Correlation-Id
 */
export function correlationId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
}
