import { span } from '../terminal/span.ts'

/** What is left of a lease, or for how long it has been over. */
export function leaseText(leftMs: number): string {
  return leftMs > 0 ? `${span(leftMs)} left` : `over for ${span(-leftMs)}`
}
