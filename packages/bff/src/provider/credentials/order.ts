/** Which secrets may be tried, and in which order: pure. */

/** What is known of one secret; the list of them has the newest first. */
export interface KnownSecret {
  readonly fingerprint: string
  /** When the provider was seen to accept it in the place of another one, last. */
  readonly tookOverAt?: number | undefined
}

/** When secrets are put in order, and what is known then besides. */
export interface Moment {
  readonly now: number
  /** For so long an older secret is tried after a newer one took over. */
  readonly overlapMs: number
  /** The one that was accepted last. */
  readonly preferred: string | undefined
  /** Whether the newest one is tried before the preferred one, to see whether it is accepted by now. */
  readonly isProbe: boolean
}

/**
 * Until when each is tried; nothing where no newer one took over from it. One that stands in front again, because a change was taken back,
 * has not taken over by having been accepted long ago.
 */
export function triedUntil(secrets: readonly KnownSecret[], overlapMs: number): (number | undefined)[] {
  return secrets.map((secret, index) => {
    const newer = secrets.slice(0, index).flatMap(({ tookOverAt }) => tookOverAt ?? [])
    const after = newer.filter((moment) => moment > (secret.tookOverAt ?? Number.NEGATIVE_INFINITY))
    return after.length === 0 ? undefined : Math.min(...after) + overlapMs
  })
}

/** Fingerprints in the order in which they are tried. */
export function tryingOrder(secrets: readonly KnownSecret[], moment: Moment): string[] {
  const until = triedUntil(secrets, moment.overlapMs)
  const allowed = secrets
    .filter((_, index) => (until[index] ?? Number.POSITIVE_INFINITY) > moment.now)
    .map(({ fingerprint }) => fingerprint)
  const { preferred } = moment
  if (preferred === undefined || moment.isProbe || !allowed.includes(preferred)) return allowed
  return [preferred, ...allowed.filter((fingerprint) => fingerprint !== preferred)]
}

/** The one that was seen to be accepted last; nothing where none was. */
export function acceptedLast(secrets: readonly KnownSecret[]): string | undefined {
  const [last] = secrets
    .filter(({ tookOverAt }) => tookOverAt !== undefined)
    .toSorted((one, other) => (other.tookOverAt ?? 0) - (one.tookOverAt ?? 0))
  return last?.fingerprint
}
