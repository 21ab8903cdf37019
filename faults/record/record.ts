/**
 * What was seen from outside while faults happened: every token issued, every answer of every API, every document of a
 * keyring, every JWKS. Nothing is judged here. Times are milliseconds since the epoch by the clock of this process.
 */

/** A request and its answer: what was true lies somewhere between the two. */
interface Exchange {
  sentAt: number
  at: number
}

export interface Issued extends Exchange {
  idp: string
  token: string
  kid: string
  issuedAt: number
  expiresAt: number
}

export interface Judged extends Exchange {
  api: string
  kid: string
  expiresAt: number
  status: number
  code: string | undefined
}

export interface SeenVersion {
  id: string
  state: string
  servedAt?: string
  demotedAt?: string
  revocation?: unknown
}

export interface SeenKeyring extends Exchange {
  name: string
  revision: number
  rotation?: unknown
  versions: SeenVersion[]
}

export interface SeenJwks extends Exchange {
  idp: string
  kids: string[]
}

/** A revocation that was answered, or was seen to be committed. */
export interface Revoked {
  kid: string
  /** The first moment at which it was known to be committed. */
  committedBy: number
  /** When the answer came that every instance refuses it. */
  answeredAt: number | undefined
}

/** A party that was cut off, stopped or had lost whom it listens to: for so long only its lease binds it. */
export interface Disturbance {
  party: string
  from: number
  to: number
}

export class Recording {
  readonly issued: Issued[] = []
  readonly judged: Judged[] = []
  readonly keyrings: SeenKeyring[] = []
  readonly jwks: SeenJwks[] = []
  readonly disturbances: Disturbance[] = []
  /** When the revocation of a key was first asked for. */
  readonly revocationAskedAt = new Map<string, number>()
  readonly #revoked = new Map<string, Revoked>()

  get revoked(): Revoked[] {
    return [...this.#revoked.values()]
  }

  isRevoked(kid: string): boolean {
    return this.#revoked.has(kid)
  }

  keyring(seen: SeenKeyring): void {
    this.keyrings.push(seen)
    for (const { id, state } of seen.versions) {
      if (state !== 'revoked' || this.#revoked.has(id)) continue
      this.#revoked.set(id, { kid: id, committedBy: seen.at, answeredAt: undefined })
    }
  }

  revocationAsked(kid: string): void {
    if (!this.revocationAskedAt.has(kid)) this.revocationAskedAt.set(kid, Date.now())
  }

  revocationAnswered(kid: string, at: number): void {
    const known = this.#revoked.get(kid)
    this.#revoked.set(kid, { kid, committedBy: Math.min(known?.committedBy ?? at, at), answeredAt: at })
  }

  /** From now until the returned function is called. */
  disturb(party: string): () => void {
    const disturbance = { party, from: Date.now(), to: Number.POSITIVE_INFINITY }
    this.disturbances.push(disturbance)
    return () => {
      disturbance.to = Date.now()
    }
  }
}
