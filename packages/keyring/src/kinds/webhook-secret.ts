import { endOf } from '../lifecycle/version.ts'
import type { ClientKind } from './kind.ts'

/**
 * A secret by which deliveries to a receiver are signed, shown to whoever subscribes once. It is made and used by our instances
 * and known to the receiver, who needs time to take a new one: until then every delivery is signed by all accepted versions.
 *
 * Drained: the receiver was seen to have taken a later one, which it says itself (`uses` has when it confirmed which version),
 * or the overlap is over. That deliveries were answered proves nothing: they were signed by the old one, too.
 */
export const webhookSecret: ClientKind = {
  name: 'webhook-secret',
  holder: 'client',
  drained({ versions }, version, { uses }, now) {
    const opensAt = endOf(version)
    if (opensAt !== null && now >= opensAt) return { open: true }
    const later = versions.slice(versions.indexOf(version) + 1)
    if (later.some(({ id }) => uses?.has(id))) return { open: true }
    return { open: false, for: [`the receiver to confirm a later secret than ${version.id}`], opensAt }
  },
}
