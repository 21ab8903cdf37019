/**
 * An identity provider as the procedure sees it. Rekey's own is one, operators' own commands are another; the port is cut so
 * that one whose realm has key providers with a priority, an `active` and an `enabled` flag fits it too: `promote` gives
 * another key the highest priority, `revoke` disables the compromised one, `endSessions` logs out and moves not-before.
 *
 * Every call may be repeated: what is done already is found done.
 */
import type { Plan } from '../incident/plan.ts'
import type { Journal } from '../journal/journal.ts'

/** A signing key, as it is shown in evidence. */
export interface KeyShown {
  kid: string
  keyring: string
  algorithm: string
  /** One of the lifecycle's five states, or the provider's own word. */
  state: string
  /** JWK thumbprint (RFC 7638, SHA-256, base64url). */
  thumbprint?: string
  reason?: string
  revokedAt?: string
}

/** What looking at the provider found, before anything is changed. */
export interface Inspection {
  provider: { kind: string; issuer: string; library?: string }
  /** The compromised key; undefined when nobody knows it. */
  key?: KeyShown & { activatedAt?: string; canSign: boolean }
  /** All that are accepted now, and the revoked ones. */
  keys: KeyShown[]
  /** Verifiers on the feed, which acknowledge by themselves. */
  verifiers: VerifierShown[]
  /** Instances of the provider that are live. */
  instances: string[]
  /** What is in the way, as sentences; the procedure does not begin while there is one. */
  obstacles: { code: 'SELF_LOCK' | 'PLAN_INVALID' | 'ROOT_KEY_NOT_REPLACED'; message: string }[]
  /** What the operator should know: an unprovable part, a short window. */
  warnings: string[]
  /** The provider's clock, ISO 8601. */
  now: string
}

/** A verifier on the feed, as it is shown in evidence. */
export interface VerifierShown {
  id: string
  library: string
  /** The revision `(epoch, n)` that it acknowledged last. */
  revision: { epoch: number; n: number }
  live: boolean
  /** Until when it may accept by what it holds, ISO 8601. */
  acceptsUntil: string
}

/** A part that cannot be had, and why. */
export interface Unavailable {
  unavailable: string
}

/** A token that instances are tried with. */
export interface Probe {
  token: string
  kid: string
  jti?: string
  /** ISO 8601. */
  expiresAt?: string
}

/** What such a token is there to show: that it is refused, taken, or refused because it is denied. */
export type ProbeKind = 'compromised' | 'fresh' | 'denied'

/** The successor as it was published, before anything is signed by it. */
export interface Publication {
  published: { keyring: string; kid: string; publishedAt: string }[]
  /** How long readers that nobody can make look may still go without it, in milliseconds from this reply on. */
  settleMs: number
}

/** What came of giving the signature to another key. Times are ISO 8601. */
export interface Promotion {
  /** For each keyring that another key took over in. */
  successors: { keyring: string; kid: string; activatedAt: string; everywhereAt: string }[]
  /** For how long fresh tokens may have waited for trust, in milliseconds; 0 where the successor was published before. */
  windowMs: number
  keys: KeyShown[]
}

/** What came of revoking the key; nothing was where it had been retired before. Times are ISO 8601. */
export interface Revocation {
  revoked: { keyring: string; kid: string; revokedAt: string }[]
  /** What verifiers must hold from now on. */
  revision?: { epoch: number; n: number }
  keys: KeyShown[]
}

/** What came of ending the sessions concerned. */
export interface EndedSessions {
  /** What the deny-list has now, as verifiers take it at `POST /internal/auth/deny`. */
  entries: Record<string, string>[]
  /** What each store of sessions ended, where it can count. */
  stores: { name: string; ended: number | null }[]
  /** What was not ended, and why; absent when nothing was left out. */
  incomplete?: string
  revision?: { epoch: number; n: number }
}

/** Who on the feed holds what revokes the key, and who does not yet. Times are ISO 8601. */
export interface Acknowledgements {
  /** What had to be held. */
  revision: { epoch: number; n: number }
  acknowledged: { id: string; library: string; at: string }[]
  /** Those that have not, and until when they may accept at worst. */
  missing: { id: string; library: string; acceptsUntil: string }[]
}

/** A change that was authorised by the key, or by a token of the sessions concerned. */
export interface ChangeForReview {
  at: string
  action: string
  actor: string
  /** Why it is listed. */
  because: string
  event: unknown
}

/** What is to be reviewed: changes from `since` until `until`, ISO 8601. */
export interface Changes {
  since: string
  until: string
  changes: ChangeForReview[]
  /** Whether there were more than could be listed. */
  truncated: boolean
  /** What can be said about the key itself. */
  note: string
}

/** An event of the provider's own record, with its proof. */
export interface RecordedEvent {
  /** The canonical text, whose bytes are what was hashed. */
  event: string
  /** As `GET /api/v1/audit/events/:id/proof` answers it; absent while the event waits for its place. */
  proof?: unknown
}

/** The provider's own record of an incident, or of a period. */
export interface ProviderRecord {
  /** Fingerprint of the key that signs the record's checkpoints. */
  signer?: string
  events: RecordedEvent[]
  /** What is missing, and why; absent when nothing is. */
  incomplete?: string
}

/** An identity provider, with the journal of its incidents. */
export interface IdentityProvider {
  journal: Journal
  /** Looks, and changes nothing. Also for `--dry-run`. */
  inspect(plan: Plan): Promise<Inspection>
  freeze(plan: Plan): Promise<{ frozenAt: string } | Unavailable>
  unfreeze(incident: string, by: { operator?: string; reason?: string }): Promise<void>
  /** `compromised`: the same one at each call. `fresh` and `denied`: a new one each time, the latter already denied. */
  probe(plan: Plan, kind: ProbeKind): Promise<Probe | Unavailable>
  /**
   * Publishes the successor, and signs nothing by it yet: between this and `promote` every instance that polls is made to
   * look, and `settleMs` passes for those that cannot be made to. Absent where a standby is always published.
   */
  publish?(plan: Plan, waitingFor: (names: string[]) => void): Promise<Publication>
  promote(plan: Plan, waitingFor: (names: string[]) => void): Promise<Promotion>
  revoke(plan: Plan, waitingFor: (names: string[]) => void): Promise<Revocation>
  endSessions(plan: Plan): Promise<EndedSessions | Unavailable>
  /** Looks once; `undefined` where the provider has no feed. */
  acknowledgements(incident: string): Promise<Acknowledgements | undefined>
  changes(plan: Plan): Promise<Changes | Unavailable>
  record(incident: string): Promise<ProviderRecord | Unavailable>
}
