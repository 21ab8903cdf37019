import type { AuditChain, InstanceView } from '@rekey/database'
import { activeVersion, type Keyring, type Waiting } from '@rekey/keyring'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Waits } from './waits.ts'

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
    overdue: new Gauge({
      name: 'rekey_keyring_overdue_seconds',
      help: 'For how long the active version of a keyring should have been replaced by its policy; 0 while it need not',
      labelNames: ['keyring'] as const,
      registers,
    }),
    waiting: new Gauge({
      name: 'rekey_keyring_waiting_seconds',
      help: 'How long a step of a keyring has been wanted whose gate is not open; nothing where none is',
      labelNames: ['keyring', 'step', 'gate'] as const,
      registers,
    }),
    opens: new Gauge({
      name: 'rekey_keyring_gate_opens_timestamp_seconds',
      help: 'When the gate that is waited for opens by itself at the latest (Unix time); 0 where that depends on somebody',
      labelNames: ['keyring', 'step', 'gate'] as const,
      registers,
    }),
  }
}

/** Those of one instance. */
export type CommonMetrics = ReturnType<typeof commonMetrics>

/** What an instance knows at the moment of a scrape. */
export interface Observed {
  view: Pick<InstanceView, 'leaseLeftMs' | 'held'>
  chain: Pick<AuditChain, 'ages' | 'brokenSince' | 'integrity' | 'size'>
  /** As this instance holds them now. */
  keyrings: Iterable<Keyring>
  /** As its loop noted them. */
  waits: Pick<Waits, 'of'>
  now: number
}

const states = ['prepared', 'active', 'retiring', 'retired', 'revoked'] as const

/** Reads what is only known at the moment of a scrape. */
export function observeCommon(metrics: CommonMetrics, { view, chain, keyrings, waits, now }: Observed): void {
  metrics.leaseLeft.set(view.leaseLeftMs() / 1_000)
  metrics.auditIntegrity.set(chain.integrity() ? 1 : 0)
  metrics.auditBrokenSince.set((chain.brokenSince() ?? 0) / 1_000)
  metrics.auditSize.set(chain.size())
  const ages = chain.ages()
  metrics.auditWaiting.set(ages.oldestWaiting / 1_000)
  metrics.auditVerifiedAge.set(ages.verified / 1_000)
  metrics.auditKeptAge.set(ages.kept / 1_000)
  metrics.waiting.reset()
  metrics.opens.reset()
  for (const keyring of keyrings) {
    observeKeyring(metrics, keyring, now)
    // Without a lease the loop stands still, and what it found last may be long over.
    if (view.held()) observeWaits(metrics, keyring.name, waits.of(keyring), now)
  }
}

function observeKeyring(metrics: CommonMetrics, keyring: Keyring, now: number): void {
  const { name } = keyring
  for (const state of states) {
    const count = keyring.versions.filter((version) => version.state === state).length
    metrics.versions.set({ keyring: name, state }, count)
  }
  metrics.activeAge.set({ keyring: name }, (now - (activeVersion(keyring)?.activatedAt ?? now)) / 1_000)
  metrics.rotationAge.set({ keyring: name }, (now - (keyring.rotation?.requestedAt ?? now)) / 1_000)
  metrics.overdue.set({ keyring: name }, overdueMs(keyring, now) / 1_000)
}

function overdueMs(keyring: Keyring, now: number): number {
  const { activatedAt = now } = activeVersion(keyring) ?? {}
  return Math.max(0, now - activatedAt - keyring.policy.rotateEveryMs)
}

/** Two versions may wait for the same gate: what has waited longest is told, with what opens last. */
function observeWaits(metrics: CommonMetrics, keyring: string, waits: readonly Waiting[], now: number): void {
  const alike = Map.groupBy(waits, ({ step, gate }) => `${step} ${gate}`)
  for (const same of alike.values()) {
    const [{ step, gate } = { step: '', gate: '' }] = same
    const since = Math.min(...same.map((wait) => wait.since))
    const opensAt = same.some((wait) => wait.opensAt === null) ? 0 : Math.max(...same.map((wait) => wait.opensAt ?? 0))
    metrics.waiting.set({ keyring, step, gate }, Math.max(0, now - since) / 1_000)
    metrics.opens.set({ keyring, step, gate }, opensAt / 1_000)
  }
}
