/**
 * The five states of a version, and the only moves between them:
 *
 *     prepare ─▶ prepared ─[propagated]─▶ active ─(successor activated)─▶ retiring ─[drained]─▶ retired
 *                   │  └── discard ─▶ retired          ▲── roll back ──────┘
 *                   └──────────────── revoke, from any of the three ───────────────▶ revoked
 *
 * `prepared`  published, accepted, not yet used to produce anything.
 * `active`    the one version that is used to produce; accepted.
 * `retiring`  no longer used to produce; still accepted, because what it produced may still be valid.
 * `retired`   neither. Nothing that it produced is valid any more.
 * `revoked`   neither, at once and everywhere, whatever it produced. There is no way back.
 */
export type State = 'prepared' | 'active' | 'retiring' | 'retired' | 'revoked'

/** One version of a secret. Times are milliseconds since the Unix epoch, by the clock of the store. */
export interface Version {
  /** For a signing key its `kid`. Never used twice. */
  id: string
  state: State
  /** Revision of the keyring in which the version first stood; a verifier that holds this revision knows the version. */
  since: number
  preparedAt: number
  /** When it was first seen that every live instance serves it. */
  servedAt?: number
  activatedAt?: number
  retiringAt?: number
  /** When it was first seen that every live instance had stopped producing with it. */
  demotedAt?: number
  retiredAt?: number
  revokedAt?: number
  reason?: string
  incident?: string
  /** Asked for and not carried out yet: what the version produces with must be replaced first. Never withdrawn. */
  revocation?: Revocation
  /** What others need in order to accept it, and may be seen by anybody (for a signing key: the public JWK). */
  publicPart: Readonly<Record<string, unknown>>
  /**
   * What is needed in order to produce with it. Absent once it can no longer be needed. Sealed wherever others can read the
   * document; a shared secret in a directory that only its owner reads stands here as it is.
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
export type Material = Pick<Version, 'id' | 'publicPart' | 'sealedPrivate'>

/** Versions in these states are accepted wherever they are presented. */
export function isAccepted(version: Version): boolean {
  return version.state === 'prepared' || version.state === 'active' || version.state === 'retiring'
}
