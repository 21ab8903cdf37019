import type { Version } from '@rekey/keyring'
import type { DenyEntry } from '../denied/entry.ts'
import type { DeniedNews } from '../denied/memory.ts'

/** How long a verifier may act on a trust set after the renewal that it sent last. */
export const trustLeaseMs = 15_000

/** Entries of the deny-list in one event: some 100 kB. */
const entriesInPage = 1_000

/** What verifiers are told: at revision `n`, exactly these keys are good, and these are revoked for ever. */
export interface TrustSet {
  /** Grows when the database was restored: within an epoch, revisions never go backwards. */
  epoch: number
  n: number
  keys: readonly Version['publicPart'][]
  revokedKids: readonly string[]
  /** Everything that is denied; read only for somebody who gets the whole set. */
  denied(): readonly DenyEntry[]
  /** What of it changed since the set that was published before; undefined where it was read anew. */
  deniedNews: DeniedNews | undefined
}

export function idOf(set: Pick<TrustSet, 'epoch' | 'n'>): string {
  return `${set.epoch}.${set.n}`
}

/** What is news to somebody who holds the set published before. */
export function changeEvent(set: TrustSet, news: DeniedNews, revokedKids: readonly string[], spreadMs: number): string {
  const denied = news.add.length + news.drop.length === 0 ? {} : { denied: news }
  return `id: ${idOf(set)}\n${event({ ...common(set, spreadMs), full: false, revokedKids, ...denied })}`
}

/**
 * The whole set, in pages where much is denied: it counts only with the last one, which alone carries the id. `revokedKids`
 * replaces nothing: what a verifier knows to be revoked stays revoked. `denied` does.
 */
export function snapshotEvents(set: TrustSet, spreadMs: number): string[] {
  const denied = set.denied()
  const pages: string[] = []
  let from = 0
  for (; from + entriesInPage < denied.length; from += entriesInPage) {
    const page = { add: denied.slice(from, from + entriesInPage) }
    pages.push(event({ ...common(set, spreadMs), full: true, more: true, denied: page }))
  }
  const last = {
    ...common(set, spreadMs),
    full: true,
    revokedKids: set.revokedKids,
    denied: { add: denied.slice(from) },
  }
  return [...pages, `id: ${idOf(set)}\n${event(last)}`]
}

function common({ epoch, n, keys }: TrustSet, acknowledgeWithinMs: number) {
  return { epoch, n, jwks: { keys }, leaseSeconds: trustLeaseMs / 1_000, acknowledgeWithinMs }
}

function event(data: object): string {
  return `event: trust\ndata: ${JSON.stringify(data)}\n\n`
}
