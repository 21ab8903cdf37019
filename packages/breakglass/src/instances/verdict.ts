/** What an instance does with a token: `unknown` where no answer could be had or understood. */
export type Answered = 'accepted' | 'refused' | 'unknown'

/** One instance of an API: one address. */
export interface InstanceAddress {
  /** As the operator named it. */
  url: string
  /** The address that is called, where the name has several. */
  address?: string
  path: string
  library?: string
}

/** How an instance is named to people: as the operator named it, with the address where the name has several. */
export function placeOf({ url, address }: Pick<InstanceAddress, 'url' | 'address'>): string {
  return address === undefined ? url : `${url} at ${address}`
}

/** How an instance answered before the key was revoked. */
export interface Baseline extends InstanceAddress {
  /** The status with which it refuses a token whose signature is broken; `null` where it does not refuse one, or gave no answer. */
  refusal: number | null
  /** Whether it accepted a token by the compromised key; `unknown` also where there was none to try. */
  compromised: Answered
  /** Why it refused that one, where it says so: `key_revoked`, `token_lifetime_too_long` … */
  reason?: string
  /** What is wrong with it, as a sentence. */
  problem?: string
}

/** What came of `POST /internal/auth/jwks/refresh` and of telling the instance what is denied. */
export interface RefreshOutcome extends InstanceAddress {
  /** `refreshed`: every call answered 200. `absent`: there is no such endpoint, or nobody gave its secret. */
  outcome: 'refreshed' | 'absent' | 'refused' | 'failed' | 'unreachable'
  /** ISO 8601. */
  at: string
  status?: number
  /** `{issuer, revision, kids, added, removed, revoked}` as it was answered last. */
  reply?: unknown
  /** Whether what is denied was taken. */
  denied: boolean
  /** The processes that answered, where they say who they are: several behind one address. */
  answeredBy: string[]
  message?: string
}

/** What is known of an instance at the end. The first four members are what programs go by. */
export interface InstanceVerdict extends InstanceAddress {
  /** `null`: it could not be proved. */
  oldRefused: boolean | null
  freshAccepted: boolean | null
  deniedRefused: boolean | null
  /** Since when, without a break, ISO 8601. */
  provedAt?: string
  /** Rounds in a row that said the same. */
  rounds: number
  /** How many processes say that they are there, behind this address; `null` where none says which it is. */
  processes?: number | null
  /** Why it could not be proved, or what is wrong, as sentences. */
  problems: string[]
  /** What to do where it is not proved: a restart, and what the log must show then. */
  fallback?: string
  /** For how long it goes on accepting at worst. */
  worstCase?: { text: string /** ISO 8601; null: without an end */; until: string | null }
}

/**
 * An instance that has shut the key out. That it refuses what is denied need not be shown where no sessions are to end, and it
 * cannot be told of it.
 */
export function hasShutOut(verdict: InstanceVerdict, endsSessions: boolean): boolean {
  const { oldRefused, freshAccepted, deniedRefused } = verdict
  return isProved({ oldRefused, freshAccepted, deniedRefused: deniedRefused ?? (endsSessions ? null : true) })
}

/** An instance that does all three. */
export function isProved(verdict: Pick<InstanceVerdict, 'oldRefused' | 'freshAccepted' | 'deniedRefused'>): boolean {
  return verdict.oldRefused === true && verdict.freshAccepted === true && verdict.deniedRefused === true
}

/**
 * What is open of an instance that is not proved, with its worst case. Reports of evidence are made with it and compared when that
 * is verified: other words are another `reportsForm`.
 */
export function ofInstance(instance: InstanceVerdict): string {
  const { problems, worstCase, fallback } = instance
  const until = worstCase?.until ? ` (until ${worstCase.until})` : ''
  const parts = [problems.join('; ') || 'not proved', worstCase && `at worst: ${worstCase.text}${until}`, fallback]
  return `${placeOf(instance)}: ${parts.filter((part) => part !== undefined).join('. ')}`
}
