import { commonMetrics, observeCommon } from '@rekey/service'
import { Counter, Gauge } from 'prom-client'
import type { Instance } from '../instance.ts'

/** The metrics of one instance. Names are stable: dashboards and alerts hang on them. */
export function newMetrics() {
  const made = allMetrics()
  // What is counted first would otherwise be the first that is known of the counter: nothing that grew.
  for (const state of ['retired', 'revoked']) made.tripwires.inc({ state }, 0)
  for (const outcome of ['told', 'retried', 'failed', 'gone']) made.backchannelLogouts.inc({ outcome }, 0)
  return made
}

function allMetrics() {
  const common = commonMetrics()
  const registers = [common.registry]
  return {
    ...common,
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
    backchannelLogouts: new Counter({
      name: 'rekey_backchannel_logouts_total',
      help: 'Logouts of which a client was to be told by its back channel, by outcome (told, retried, failed, gone)',
      labelNames: ['outcome'] as const,
      registers,
    }),
    webhookAttempts: new Counter({
      name: 'rekey_webhook_attempts_total',
      help: 'Attempts to deliver events, by how they ended (delivered, pending for another one, dead_letter)',
      labelNames: ['outcome'] as const,
      registers,
    }),
    feedReaders: new Gauge({
      name: 'rekey_trust_feed_readers',
      help: 'Verifiers connected to this instance',
      registers,
    }),
    trustRevision: new Gauge({ name: 'rekey_trust_revision', help: 'Newest revision told to verifiers', registers }),
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
  }
}

export type Metrics = ReturnType<typeof newMetrics>

/** Reads what is only known at the moment of a scrape. */
export function observe({ metrics, view, hub, keys, columnKeys, clock, audit, freeze, waits }: Instance): void {
  const columns = columnKeys.held.document()
  const keyrings = [...keys().keyrings.values(), ...(columns ? [columns] : [])]
  observeCommon(metrics, { view, chain: audit.chain, keyrings, waits, now: clock() })
  metrics.feedReaders.set(hub.readers())
  metrics.trustRevision.set(keys().publishedRevision)
  const freezing = freeze.by()
  metrics.frozen.set(freezing.length > 0 ? 1 : 0)
  metrics.frozenSince.reset()
  for (const { incident, since } of freezing) metrics.frozenSince.set({ incident }, since / 1_000)
}
