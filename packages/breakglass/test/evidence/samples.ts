/** Evidence as an incident leaves it: two instances that are proved, or one besides that is not. */
import type { AuditEvent } from '@rekey/database'
import type { IncidentEvidence } from '../../src/evidence/document.ts'
import type { InventoriedSecret, PeriodFacts } from '../../src/evidence/period/document.ts'
import { type IncidentRecord, newSteps, type StepName } from '../../src/incident/record.ts'
import { type InstanceVerdict, ofInstance } from '../../src/instances/verdict.ts'
import type { KeyShown, ProviderRecord } from '../../src/providers/port.ts'

export const [oldKid, newKid] = [
  'mbqM7r0M2K0kVbX7Ff5Dh9uDq-tRz6b2qGZ0m1o3p_8',
  'Q2x1c3RlcjotS2V5LW9mLXRoZS1uZXh0LW9uZQ__abc',
]
const operator = '9d2c9f2c-1f7e-4d0e-8a67-3d6f6f2b7b02'

/** So many seconds after the incident was opened. */
export const at = (seconds: number) => new Date(Date.parse('2026-03-01T12:00:00Z') + seconds * 1000).toISOString()

const key = (kid: string, state: string, more: Partial<KeyShown> = {}): KeyShown => ({
  kid,
  keyring: 'signing-es256',
  algorithm: 'ES256',
  state,
  thumbprint: kid,
  ...more,
})

const proved: InstanceVerdict = {
  url: 'http://api.example.com:8081',
  address: '10.0.0.11',
  path: '/hello',
  library: '@rekey/verifier',
  oldRefused: true,
  freshAccepted: true,
  deniedRefused: true,
  provedAt: at(4.2),
  rounds: 3,
  problems: [],
}

export const unproved: InstanceVerdict = {
  url: 'http://legacy.example.com:9090',
  path: '/hello',
  library: 'jose',
  oldRefused: false,
  freshAccepted: true,
  deniedRefused: null,
  rounds: 3,
  problems: ['It answered 200 to the refresh, and goes on accepting the old key.', 'It has no deny-list.'],
  fallback:
    'Restart it, one process after the other. Its log must then show that it fetched the key set from the issuer.',
  worstCase: { text: 'jose keeps a key set for 10 minutes.', until: at(604) },
}

/** What the audit has of it. */
export const events: AuditEvent[] = [
  ['incident.opened', { incident: 'INC-42', kid: oldKid, reason: 'found in a public repository', suspectStore: false }],
  ['incident.frozen', { incident: 'INC-42' }],
  [
    'keyring.activated',
    { keyring: 'signing-es256', version: newKid, replaces: oldKid, forced: true, incident: 'INC-42' },
  ],
  ['keyring.revoked', { keyring: 'signing-es256', version: oldKid, reason: 'compromised', incident: 'INC-42' }],
  ['denied.added', { kind: 'sub', incident: 'INC-42' }],
].map(([action, details]) => ({
  action: String(action),
  outcome: 'success',
  actor: operator,
  details: { ...Object(details) },
}))

const results: Partial<Record<StepName, unknown>> = {
  freeze: { frozenAt: at(0.3) },
  promote: {
    successors: [{ keyring: 'signing-es256', kid: newKid, activatedAt: at(0.9), everywhereAt: at(1.4) }],
    windowMs: 0,
    keys: [],
  },
  revoke: {
    revoked: [{ keyring: 'signing-es256', kid: oldKid, revokedAt: at(1.9) }],
    revision: { epoch: 3, n: 118 },
    keys: [],
  },
  sessions: {
    entries: [{ sub: 'user-17', issuedBefore: at(2) }],
    stores: [
      { name: 'opaque tokens', ended: 4 },
      { name: 'portal', ended: null },
    ],
  },
}

function record(): IncidentRecord {
  const steps = newSteps().map((step, i) => ({
    ...step,
    state: step.name === 'evidence' ? ('running' as const) : ('done' as const),
    startedAt: at(i * 0.5),
    ...(step.name === 'evidence' ? {} : { endedAt: at(i * 0.5 + 0.4) }),
    attempts: 1,
    runner: 'ana@console (pid 4711)',
    ...(step.name in results ? { result: results[step.name] } : {}),
  }))
  const timeline = steps.flatMap(({ name, startedAt, runner }) => [
    { at: startedAt, what: `step ${name} running`, by: runner },
  ])
  return {
    plan: {
      incident: 'INC-42',
      kid: oldKid,
      reason: 'found in a public repository',
      sessions: [{ sub: 'user-17' }],
      suspectStore: false,
      apis: [],
      proveForMs: 30_000,
    },
    openedAt: at(0),
    openedBy: operator,
    frozen: true,
    frozenAt: at(0.3),
    claim: { runner: 'ana@console (pid 4711)', until: at(20) },
    steps,
    timeline: [{ at: at(0), what: 'opened', by: operator }, { at: at(0.3), what: 'frozen', by: operator }, ...timeline],
    now: at(5.5),
  }
}

export function incident(from: ProviderRecord, more: Partial<IncidentEvidence> = {}): IncidentEvidence {
  const instances = [proved, { ...proved, address: '10.0.0.12', rounds: 1 }]
  return {
    format: 'rekey-incident-evidence/1',
    sealedAt: at(5.6),
    sealedBy: { runner: 'ana@console (pid 4711)', clockOffsetMs: 12, software: 'rekey 0.1.0' },
    provider: { kind: 'rekey', issuer: 'https://idp.example.com' },
    incident: record(),
    keys: {
      before: [key(oldKid, 'active'), key(newKid, 'prepared')],
      after: [key(oldKid, 'revoked', { revokedAt: at(1.9), reason: 'compromised' }), key(newKid, 'active')],
    },
    acknowledgements: {
      revision: { epoch: 3, n: 118 },
      acknowledged: [
        { id: 'api/8081', library: '@rekey/verifier 0.1.0', at: at(2.1) },
        { id: 'api/8082', library: '@rekey/verifier 0.1.0', at: at(2.2) },
      ],
      missing: [],
    },
    refreshes: [
      {
        ...{ url: proved.url, address: '10.0.0.11', path: '/hello', library: '@rekey/verifier' },
        outcome: 'refreshed',
        at: at(2.6),
        status: 200,
        reply: {
          issuer: 'https://idp.example.com',
          revision: '3.118',
          kids: [newKid],
          added: [],
          removed: [],
          revoked: [oldKid],
        },
        denied: true,
        answeredBy: ['a1', 'b2'],
      },
    ],
    instances,
    changes: {
      since: at(-86_400),
      until: at(5),
      changes: [
        { at: at(-3_600), action: 'agent.created', actor: 'user-17', because: 'by a session of user-17', event: {} },
      ],
      truncated: false,
      note: 'Administration never takes a token that the key signed, so the key alone authorised none of its changes.',
    },
    record: from,
    verdict: { contained: true, open: [], notes: [] },
    ...more,
  }
}

export function openIncident(from: ProviderRecord): IncidentEvidence {
  const open = [
    '1 of 3 instances is not proved',
    '1 verifier on the feed has not acknowledged',
    ofInstance(unproved),
    `the verifier billing/2 has not acknowledged: it may accept the key until ${at(3_600)}`,
  ]
  const whole = incident(from)
  const missing = [{ id: 'billing/2', library: '@rekey/verifier 0.1.0', acceptsUntil: at(3_600) }]
  return {
    ...whole,
    instances: [...whole.instances, { ...unproved }],
    acknowledgements: whole.acknowledgements && { ...whole.acknowledgements, missing },
    verdict: { contained: false, open, notes: [] },
  }
}

export function period(from: ProviderRecord, more: Partial<PeriodFacts> = {}): PeriodFacts {
  return {
    format: 'rekey-period-evidence/1',
    sealedAt: at(0),
    sealedBy: { runner: 'ana@console', software: 'rekey 0.1.0' },
    issuer: 'https://idp.example.com',
    control: 'CC9.2',
    period: { from: '2020-01-01T00:00:00.000Z', to: '2100-01-01T00:00:00.000Z' },
    keyrings: [
      {
        name: 'signing-es256',
        kind: 'signing-key',
        algorithm: 'ES256',
        policy: { rotateEvery: '90d' },
        versions: [{ id: newKid, state: 'active', activatedAt: at(0.9) }],
      },
    ],
    overdue: [],
    missing: [],
    record: from,
    ...more,
  }
}

const dayMs = 86_400_000
const daysBefore = (days: number) => new Date(Date.parse(at(0)) - days * dayMs).toISOString()

/** A period of the whole estate, with a secret of each sort; when it was sealed is said by whoever needs events of today in it. */
export function estatePeriod(record: ProviderRecord, bff: ProviderRecord, sealedAt = daysBefore(-1)): PeriodFacts {
  const { period: whole, ...facts } = period(record)
  const common = { owner: 'identity provider', of: 'idp', management: 'rekey', createdAt: daysBefore(400) } as const
  const rotateEveryMs = 90 * dayMs
  const inventory: InventoriedSecret[] = [
    { ...common, name: 'signing-es256', kind: 'signing-key', rotateEveryMs, rotatedAt: at(1) },
    { ...common, name: 'f7a4', kind: 'client-secret', environment: 'production', rotateEveryMs, rotatedAt: at(2) },
    { ...common, name: 'session', kind: 'sealing-key', of: 'bff', rotateEveryMs, rotatedAt: at(0) },
    { ...common, name: 'iat-1', kind: 'initial-access-token', expiresAt: daysBefore(-30) },
    { name: 'VAULT_TOKEN', kind: 'vault-token', owner: 'identity provider', of: 'idp', management: 'unmanaged' },
  ]
  return {
    ...facts,
    format: 'rekey-period-evidence/2',
    sealedAt,
    period: { from: daysBefore(59), to: whole.to },
    estate: {
      inventory,
      before: { from: daysBefore(500), events: [] },
      bff: { record: bff, before: { events: [] } },
      metrics: [
        {
          source: 'https://prometheus.example.com',
          query: 'agentidp_credentials_expiring_soon_total',
          stepSeconds: 3_600,
          series: [{ labels: { environment: 'production' }, values: [[1_772_366_400, '2']] }],
          sha256: 'ab'.repeat(32),
        },
      ],
      signOff: { by: 'Ada Lovelace, Security Engineering', at: sealedAt },
    },
  }
}
