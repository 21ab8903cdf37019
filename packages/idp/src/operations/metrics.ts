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
    introspections: new Counter({
      name: 'rekey_token_introspections_total',
      help: 'Answers to the question whether a token is good, by what they said',
      labelNames: ['active'] as const,
      registers,
    }),
    refusals: new Counter({
      name: 'rekey_refusals_total',
      help: 'Requests refused, by stable code',
      labelNames: ['code'] as const,
      registers,
    }),
    tripwires: new Counter({
      name: 'rekey_credential_tripwires_total',
      help: 'Secrets and keys of clients that were presented although they are dead, by state (retired, revoked)',
      labelNames: ['state'] as const,
      registers,
    }),
    registrations: new Counter({
      name: 'rekey_registrations_total',
      help: 'Registrations of clients and changes of them, by outcome (registered, changed, deleted, refused)',
      labelNames: ['outcome'] as const,
      registers,
    }),
    registrationTokenReplays: new Counter({
      name: 'rekey_registration_token_replays_total',
      help: 'Registration access tokens that were presented although their successors had been used',
      registers,
    }),
    jwksUriFetches: new Counter({
      name: 'rekey_jwks_uri_fetches_total',
      help: 'Looks at the jwks_uri of a client, by what came of them (changed, unchanged, failed)',
      labelNames: ['outcome'] as const,
      registers,
    }),
    logins: new Counter({
      name: 'rekey_logins_total',
      help: 'Logins of users by password, by outcome (succeeded, failed, throttled)',
      labelNames: ['outcome'] as const,
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
    auditIntegrity: new Gauge({
      name: 'agentidp_audit_chain_integrity',
      help: '1 while the audit is as it was written, as far as this instance knows; 0 once it was found not to be',
      registers,
    }),
    auditBrokenSince: new Gauge({
      name: 'rekey_audit_chain_broken_timestamp_seconds',
      help: 'When this instance first found that the audit is not as it was written (Unix time); 0 while it is',
      registers,
    }),
    auditSize: new Gauge({ name: 'rekey_audit_chain_size', help: 'Events in the audit chain', registers }),
    auditWaiting: new Gauge({
      name: 'rekey_audit_oldest_waiting_seconds',
      help: 'How long the event has waited for its place in the chain that has waited longest; 0 when none waits',
      registers,
    }),
    auditVerifiedAge: new Gauge({
      name: 'rekey_audit_verified_age_seconds',
      help: 'Since this instance last read the whole audit and found it right; at first, since it was started',
      registers,
    }),
    auditKeptAge: new Gauge({
      name: 'rekey_audit_checkpoint_kept_age_seconds',
      help: 'Since the file outside the database held the newest checkpoint; +Inf when there is no such file',
      registers,
    }),
    frozen: new Gauge({
      name: 'rekey_administration_frozen',
      help: '1 while an incident freezes administration',
      registers,
    }),
    frozenSince: new Gauge({
      name: 'rekey_administration_frozen_since_timestamp_seconds',
      help: 'Since when an incident freezes administration',
      labelNames: ['incident'] as const,
      registers,
    }),
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
