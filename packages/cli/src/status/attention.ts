import type { ColumnsView } from '../client/columns.ts'
import type { Ending, EndingCredential, ExpiringCredential } from '../client/credential.ts'
import type { IncidentView } from '../client/incidents.ts'
import type { Integrity } from '../client/integrity.ts'
import type { SecretView } from '../client/inventory.ts'
import type { IssuanceView } from '../client/issuance.ts'
import type { KeyringView, TrustRevision, VerifierView } from '../client/keyring.ts'
import type { InstanceView } from '../client/parties.ts'
import type { Webhook } from '../client/webhooks.ts'
import { type AuditSeen, auditWorries, integrityWorries } from './audit-worries.ts'
import { credentialWorries, type Overdue } from './credential-worries.ts'
import { declaredWorries } from './declared-worries.ts'
import { expiredWorries, expiryWorries } from './expiry-worries.ts'
import { incidentWorries } from './incident-worries.ts'
import { instanceWorries } from './instance-worries.ts'
import { keyringWorries } from './keyring-worries.ts'
import { moveWorries } from './move-worries.ts'
import { verifierWorries } from './verifier-worries.ts'
import { webhookWorries } from './webhook-worries.ts'

/** Something a person should look at: what it is, since when (ISO 8601), and the command that helps, if one does. */
export interface Attention {
  what: string
  since: string
  command: string | null
}

/** What an estate says of itself. An IdP of an earlier release says nothing of issuance, instances and the newest trust. */
export interface Seen {
  /** Of the IdP and of the backend for frontend. */
  keyrings: KeyringView[]
  /** Why those of the backend could not be seen. */
  bffAway?: string | undefined
  verifiers: VerifierView[]
  newest?: TrustRevision | undefined
  issuance?: IssuanceView | undefined
  instances?: InstanceView[] | undefined
  columns?: ColumnsView | undefined
  /** Whether the audit of the backend is whole; undefined where there is no backend. */
  bffAudit?: Integrity | undefined
  /** Neither this nor the next three are said to a client that may not read them. */
  overdue?: Overdue | undefined
  /** Nor by an IdP of an earlier release. */
  expiring?: Ending<ExpiringCredential> | undefined
  /** Those that left their agents with none. */
  expired?: Ending<EndingCredential> | undefined
  /** Declared secrets that are overdue. */
  declared?: SecretView[] | undefined
  audit?: AuditSeen | undefined
  incidents?: IncidentView[] | undefined
  webhooks?: Webhook[] | undefined
}

/** Everything in the estate that a person should look at, longest-standing first. */
export function attention(seen: Seen, now: number): Attention[] {
  const found = [
    ...seen.keyrings.flatMap((keyring) => keyringWorries(keyring, now)),
    ...bffWorries(seen, now),
    ...(seen.columns?.worries ?? []),
    ...(seen.issuance ? moveWorries(seen.issuance, now) : []),
    ...(seen.instances ?? []).flatMap(instanceWorries),
    ...seen.verifiers.flatMap((verifier) => verifierWorries(verifier, seen, now)),
    ...(seen.overdue ? credentialWorries(seen.overdue) : []),
    ...(seen.expiring ? expiryWorries(seen.expiring, now) : []),
    ...(seen.expired ? expiredWorries(seen.expired, now) : []),
    ...declaredWorries(seen.declared ?? []),
    ...(seen.audit ? auditWorries(seen.audit, now) : []),
    ...(seen.bffAudit ? integrityWorries(seen.bffAudit, now, 'bff') : []),
    ...(seen.webhooks ?? []).flatMap((webhook) => webhookWorries(webhook, now)),
    ...(seen.incidents ?? []).flatMap(incidentWorries),
  ]
  return found.sort((a, b) => Date.parse(a.since) - Date.parse(b.since))
}

/** Since when is not known: it is asked now. */
function bffWorries({ bffAway }: Seen, now: number): Attention[] {
  if (bffAway === undefined) return []
  const what = `the backend for frontend does not tell of its keyrings: ${bffAway}`
  return [{ what, since: new Date(now).toISOString(), command: null }]
}
