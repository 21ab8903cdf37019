import { causeOf } from '../error.ts'
import type { Ports } from '../ports.ts'

/** How a bootstrap went, as the metric tells it. `jwks_rotation_failed` is every failure that is not `rat_invalid`. */
export type Status = 'success' | 'rat_cached' | 'rat_invalid' | 'jwks_rotation_failed'
const statuses: readonly Status[] = ['success', 'rat_cached', 'rat_invalid', 'jwks_rotation_failed']

const TIMEOUT_MS = 5_000

/** Tells a Prometheus Pushgateway. All values are pushed each time, so that the last one does not stay at 1. It never fails a bootstrap. */
export async function pushStatus(
  { fetch, log }: Ports,
  gateway: string,
  instance: string,
  status: Status,
): Promise<void> {
  try {
    const response = await fetch(`${gateway.replace(/\/+$/, '')}/metrics/job/bff_dcr/instance/${labelOf(instance)}`, {
      method: 'PUT',
      headers: { 'content-type': 'text/plain; version=0.0.4' },
      body: exposition(status),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await response.body?.cancel()
    if (!response.ok)
      log('warn', `The Pushgateway answered ${response.status}; the metric bff_dcr_status is not there.`)
  } catch (error) {
    log('warn', `The Pushgateway could not be reached; the metric bff_dcr_status is not there (${causeOf(error)}).`)
  }
}

const labelOf = (value: string): string => encodeURIComponent(value)

function exposition(happened: Status): string {
  const lines = statuses.map((status) => `bff_dcr_status{status="${status}"} ${status === happened ? 1 : 0}`)
  return `# HELP bff_dcr_status What the last bootstrap of the client registration came to.\n# TYPE bff_dcr_status gauge\n${lines.join('\n')}\n`
}
