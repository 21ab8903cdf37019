interface Stored {
  clientId?: string
  iat?: number
}

const stored = new Map<string, Stored>()

/** The store of opaque tokens, in memory, as oidc-provider wants an adapter. It outlives every provider over it. */
export class StoredTokens {
  readonly #kind: string

  constructor(kind: string) {
    this.#kind = kind
  }

  async upsert(id: string, payload: Stored): Promise<void> {
    stored.set(`${this.#kind}:${id}`, payload)
  }

  async find(id: string): Promise<Stored | undefined> {
    return stored.get(`${this.#kind}:${id}`)
  }

  async destroy(id: string): Promise<void> {
    stored.delete(`${this.#kind}:${id}`)
  }
}

/** Forgets what clients got before a moment (ISO 8601); `*` is for all of them. */
export function forgetTokens(endedBefore: Record<string, string>): void {
  for (const [id, { clientId = '', iat = 0 }] of stored) {
    const moment = endedBefore[clientId] ?? endedBefore['*']
    if (moment !== undefined && iat * 1_000 < Date.parse(moment)) stored.delete(id)
  }
}
