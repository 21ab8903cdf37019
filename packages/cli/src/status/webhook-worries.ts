import type { Webhook } from '../client/webhooks.ts'
import type { Attention } from './attention.ts'

/** Webhooks by which somebody is not told what he wanted to be told. */
export function webhookWorries(webhook: Webhook, now: number): Attention[] {
  const { id, name, status, changedAt, failingSince, deliveries } = webhook
  const since = failingSince ?? changedAt
  const dead = deliveries.dead_letter
  if (status === 'disabled') {
    const what = `webhook ${name} is disabled: ${webhook.reason ?? 'nobody said why'}`
    return [{ what, since: changedAt, command: `rekey webhook change ${id} --resume` }]
  }
  if (dead > 0) {
    const what = `webhook ${name} has ${dead === 1 ? 'a delivery that was' : `${dead} deliveries that were`} given up`
    return [{ what, since, command: `rekey webhook redeliver ${id}` }]
  }
  if (status === 'active' && failingSince !== undefined && now - Date.parse(failingSince) > patienceMs) {
    const command = `rekey webhook deliveries ${id} --status pending`
    return [{ what: `nothing gets through to webhook ${name}`, since: failingSince, command }]
  }
  return []
}

/** A receiver that is started anew is away for a moment. */
const patienceMs = 600_000
