import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** The metrics of one instance. Names are stable: dashboards and alerts hang on them. */
export function newMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    tokens: new Counter({
      name: 'rekey_tokens_issued_total',
      help: 'Access tokens issued, by form (jwt, opaque)',
      labelNames: ['form'] as const,
      registers,
    }),
    refusals: new Counter({
      name: 'rekey_refusals_total',
      help: 'Requests refused, by stable code',
      labelNames: ['code'] as const,
      registers,
    }),
    leaseLeft: new Gauge({
      name: 'rekey_instance_lease_seconds',
      help: 'Left of the lease on the database',
      registers,
    }),
    feedReaders: new Gauge({
      name: 'rekey_trust_feed_readers',
      help: 'Verifiers connected to this instance',
      registers,
    }),
    trustRevision: new Gauge({ name: 'rekey_trust_revision', help: 'Newest revision told to verifiers', registers }),
    versions: new Gauge({
      name: 'rekey_keyring_versions',
      help: 'Versions of a keyring, by state',
      labelNames: ['keyring', 'state'] as const,
      registers,
    }),
    activeAge: new Gauge({
      name: 'rekey_keyring_active_age_seconds',
      help: 'Age of the active version of a keyring',
      labelNames: ['keyring'] as const,
      registers,
    }),
    rotationAge: new Gauge({
      name: 'rekey_keyring_rotation_under_way_seconds',
      help: 'How long a rotation has been waiting for its successor to be active; 0 when none is under way',
      labelNames: ['keyring'] as const,
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof newMetrics>
