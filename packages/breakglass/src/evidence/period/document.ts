import type { ProviderRecord } from '../../providers/port.ts'
import type { IncidentEvidence } from '../document.ts'
import { formats } from '../format.ts'

/** A rotation that took place. Times are ISO 8601; `event` is the id of the audit's event that tells of it. */
export interface Rotation {
  at: string
  kind: 'signing' | 'client'
  /** The keyring, or the credential. */
  what: string
  agentId?: string
  from?: string
  to?: string
  /** Who asked for it; `rekey` where it was due by the policy. */
  by: string
  reason?: string
  event: string
}

/** Something that was refused for good, or that departs from the usual way. */
export interface Occurrence {
  at: string
  /** For example `version revoked`, `rotation forced`, `administration frozen`. */
  what: string
  /** The keyring, credential or incident. */
  about: string
  version?: string
  by: string
  reason?: string
  incident?: string
  event: string
}

/** A credential whose rotation is overdue, or a keyring whose key is. */
export interface Overdue {
  what: string
  kind: string
  agent?: string
  rotatedAt: string
  overdueSince: string
}

/** What is read for the evidence of a period. */
export interface PeriodFacts {
  format: 'rekey-period-evidence/1' | 'rekey-period-evidence/2'
  sealedAt: string
  sealedBy: Omit<IncidentEvidence['sealedBy'], 'clockOffsetMs'>
  issuer: string
  /** The control of a standard that it is for: `CC9.2`. */
  control: string
  /** From, and before. */
  period: { from: string; to: string }
  /** As they stand when it is sealed. */
  keyrings: { name: string; kind: string; algorithm?: string; policy: unknown; versions: unknown[] }[]
  overdue: Overdue[]
  /** What could not be read or listed, as sentences. */
  missing: string[]
  record: ProviderRecord
  /** Of the second format. */
  estate?: EstateFacts
}

/** A secret of the inventory, as it stood when the evidence was sealed. */
export interface InventoriedSecret {
  name: string
  kind: string
  owner: string
  /** Which service told of it. */
  of: 'idp' | 'bff'
  management: 'rekey' | 'declared' | 'unmanaged'
  environment?: string
  createdAt?: string
  rotatedAt?: string
  rotateEveryMs?: number
  expiresAt?: string
}

/** The history of a metric, as a Prometheus kept it. */
export interface MetricHistory {
  /** Where it was asked for, without credentials. */
  source: string
  query: string
  stepSeconds: number
  /** Unix time in seconds, and the value as it is spelled there. */
  series: { labels: Record<string, string>; values: [number, string][] }[]
  /** SHA-256 of the reply, byte for byte. */
  sha256: string
}

/** What is read of the whole estate for the second format. */
export interface EstateFacts {
  inventory: InventoriedSecret[]
  /** Rotations before the period, from so early on that every interval of the schedule is covered. */
  before: ProviderRecord & { from: string }
  /** The audit of the backend for frontend, which is a chain of its own; null where there is none, or it could not be read. */
  bff: { record: ProviderRecord; before: ProviderRecord } | null
  metrics: MetricHistory[]
  /** Who vouches for the period, as he was named when it was sealed. */
  signOff: { by: string; at: string } | null
}

/** The facts, and what follows from the events among them: `verifyEvidence` draws it anew. */
export interface PeriodEvidence extends PeriodFacts {
  rotations: Rotation[]
  revocations: Occurrence[]
  exceptions: Occurrence[]
  /** Of the second format: how far the schedule was kept, and what the audit of the backend for frontend tells. */
  coverage?: Coverage
  backend?: Pick<PeriodEvidence, 'rotations' | 'revocations' | 'exceptions'> | null
}

/** Whether a secret was rotated in time, all through the period. */
export interface SecretCoverage {
  name: string
  kind: string
  owner: string
  of: 'idp' | 'bff'
  environment?: string
  /** `expires`: it ends by itself. `unmanaged`: nobody is known who rotates it, so nothing is known of its age. */
  status: 'within' | 'overdue' | 'expires' | 'unmanaged'
  rotateEveryMs?: number
  /** The last time before the period, as far as it is known. */
  lastBefore?: string
  /** From when on it is judged: the beginning of the period, or when it came to be. */
  judgedFrom?: string
  rotations: { at: string; event?: string }[]
  /** How much of the period it was older than it may be. */
  overdueMs: number
}

/** A class of secrets in numbers. */
export interface ClassCoverage {
  kind: string
  environment?: string
  secrets: number
  within: number
  overdue: number
  expires: number
  unmanaged: number
  rotations: number
  /** Of those that have an interval, in percent, to a tenth, rounded down; null where there is none. */
  withinPercent: number | null
}

/** How far the schedule of rotations was kept. */
export interface Coverage {
  secrets: SecretCoverage[]
  classes: ClassCoverage[]
  total: Omit<ClassCoverage, 'kind' | 'environment'> & { managedPercent: number | null }
}

/** What the second format has of the whole estate. In evidence of the first a member of that name would say nothing. */
export function estateOf({ format, estate }: Pick<PeriodFacts, 'format' | 'estate'>): EstateFacts | undefined {
  return format === formats.estatePeriod ? estate : undefined
}
