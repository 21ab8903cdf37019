/**
 * The five states of a version, and the only moves between them. Of what our own instances produce with:
 *
 *     prepare ─▶ prepared ─[propagated]─▶ active ─(successor activated)─▶ retiring ─[drained]─▶ retired
 *                   │  └── discard ─▶ retired          ▲── roll back ──────┘
 *                   └──────────────── revoke, from any of the three ───────────────▶ revoked
 *
 * One that was produced with elsewhere, and given to us to be accepted, is retiring from its first document on.
 *
 * Of what a client produces with (a secret that it shows, a key that it signs assertions with). It has its successor in hand
 * before anybody could wait for it, so that one is active from the first document in which it stands; and nobody else depends
 * on the version in use, so that one may be revoked without a successor:
 *
 *     succeed ─▶ active ─(successor given)─▶ retiring ─[drained]─▶ retired
 *                  │ └── successor given without an overlap ───────▶ retired
 *                  └──────────── revoke, from either of the two ──────▶ revoked
 *
 * `prepared`  published, accepted, not yet used to produce anything.
 * `active`    the one version to produce with; accepted.
 * `retiring`  no longer to be produced with; still accepted, because what it produced may still be valid, or because its
 *             client may not have moved on.
 * `retired`   neither. Nothing that it produced is needed any more.
 * `revoked`   neither, at once and everywhere, whatever it produced. There is no way back.
 *
 * A version that was retired or revoked may lie in escrow for a while: its private part is kept, and nothing is accepted by it.
 *
 * What a client holds may besides have an end in time (`endOf`), from which on it is not accepted in any state.
 */
export type State = 'prepared' | 'active' | 'retiring' | 'retired' | 'revoked'

/** One version of a secret. Times are milliseconds since the Unix epoch, by the clock of the store. */
export interface Version {
  /** For a signing key its `kid`. Never used twice. */
  id: string
  state: State
  /** Its secret was not made by us: whoever gave it may give it again, and its id is made of it. */
  isGiven?: true
  /** Revision of the keyring in which the version first stood; a verifier that holds this revision knows the version. */
  since: number
  preparedAt: number
  /** When it was first seen that every live instance serves it. */
  servedAt?: number
  activatedAt?: number
  retiringAt?: number
  /** When it was first seen that every live instance had stopped producing with it. */
  demotedAt?: number
  /** When it was first seen that nothing hung on it any more. Requests that bear what it made may still be under way. */
  emptiedAt?: number
  retiredAt?: number
  revokedAt?: number
  /** Until then its private part is kept in escrow, although it is retired or revoked; then it is erased. */
  escrowedUntil?: number
  /** What a client holds may have an end of its own: from then on it is not accepted, whatever its state. */
  expiresAt?: number
  /** The end of the overlap in which a client may use a retiring version beside its successor. */
  acceptedUntil?: number
  reason?: string
  incident?: string
  /** Asked for and not carried out yet: what the version produces with must be replaced first. Never withdrawn. */
  revocation?: Revocation
  /**
   * What others need in order to accept it: of a signing key, and of a client's key, the public JWK, which may be seen by
   * anybody; of a client's secret its hash, or where it is kept.
   */
  publicPart: Readonly<Record<string, unknown>>
  /**
   * What is needed in order to produce with it. Absent once it can no longer be needed. Sealed wherever others can read the
   * document; a shared secret in a directory that only its owner reads stands here as it is. A secret that is supplied from
   * outside is not here, unless it lies in escrow.
   */
  sealedPrivate?: string
}

/** A revocation that was asked for. */
export interface Revocation {
  requestedAt: number
  by: string
  reason: string
  incident?: string
}

/** What a kind makes when a new version is prepared. */
export type Material = Pick<Version, 'id' | 'isGiven' | 'publicPart' | 'sealedPrivate'>

/** A version that a client is given, or gives us. Nothing of it is private here: it is compared, or verified with. */
export type ClientMaterial = Pick<Version, 'id' | 'publicPart' | 'expiresAt'>

/** Versions in these states are accepted wherever they are presented, until their end if they have one. */
export function isAccepted({ state }: Pick<Version, 'state'>): boolean {
  return state === 'prepared' || state === 'active' || state === 'retiring'
}

/** When a version stops being accepted by the clock alone: its own end, or that of its overlap. `null`: never. */
export function endOf({ expiresAt, acceptedUntil }: Pick<Version, 'expiresAt' | 'acceptedUntil'>): number | null {
  const end = Math.min(expiresAt ?? Number.POSITIVE_INFINITY, acceptedUntil ?? Number.POSITIVE_INFINITY)
  return Number.isFinite(end) ? end : null
}

/**
 * Whether a version is accepted at this moment, by its state and by its end. Asked whenever one is presented: the end counts
 * from its very millisecond, however late the loop notes it down.
 */
export function isAcceptedAt(version: Pick<Version, 'state' | 'expiresAt' | 'acceptedUntil'>, now: number): boolean {
  const end = endOf(version)
  return isAccepted(version) && (end === null || now < end)
}
