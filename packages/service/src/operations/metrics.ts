import type { AuditChain, InstanceView } from '@rekey/database'
import { activeVersion, type Keyring } from '@rekey/keyring'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/**
 * The metrics that every service has; it adds its own to their registry. Names are stable: dashboards and alerts hang on
 * them.
 */
export function commonMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
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

/** Those of one instance. */
export type CommonMetrics = ReturnType<typeof commonMetrics>

/** What an instance knows at the moment of a scrape. */
export interface Observed {
  view: Pick<InstanceView, 'leaseLeftMs'>
  chain: Pick<AuditChain, 'ages' | 'brokenSince' | 'integrity' | 'size'>
  /** As this instance holds them now. */
  keyrings: Iterable<Keyring>
  now: number
}

const states = ['prepared', 'active', 'retiring', 'retired', 'revoked'] as const

/** Reads what is only known at the moment of a scrape. */
export function observeCommon(metrics: CommonMetrics, { view, chain, keyrings, now }: Observed): void {
  metrics.leaseLeft.set(view.leaseLeftMs() / 1_000)
  metrics.auditIntegrity.set(chain.integrity() ? 1 : 0)
  metrics.auditBrokenSince.set((chain.brokenSince() ?? 0) / 1_000)
  metrics.auditSize.set(chain.size())
  const ages = chain.ages()
  metrics.auditWaiting.set(ages.oldestWaiting / 1_000)
  metrics.auditVerifiedAge.set(ages.verified / 1_000)
  metrics.auditKeptAge.set(ages.kept / 1_000)
  for (const keyring of keyrings) observeKeyring(metrics, keyring, now)
}

function observeKeyring(metrics: CommonMetrics, keyring: Keyring, now: number): void {
  const { name } = keyring
  for (const state of states) {
    const count = keyring.versions.filter((version) => version.state === state).length
    metrics.versions.set({ keyring: name, state }, count)
  }
  metrics.activeAge.set({ keyring: name }, (now - (activeVersion(keyring)?.activatedAt ?? now)) / 1_000)
  metrics.rotationAge.set({ keyring: name }, (now - (keyring.rotation?.requestedAt ?? now)) / 1_000)
}
