/**
 * Access tokens are refreshed ahead of their expiry, one refresh at a time per session over all instances.
 *
 * Whoever is to refresh takes a claim in the row first, by one statement. Meanwhile the others go on with the access token that is
 * still good, or wait for the new one where it is over. A claim ends by itself after 30 s, and as soon as the instance that took it
 * has no lease any more: whoever takes it then uses the same refresh token once more, which providers allow for a while because
 * replies are lost. Saving compares the revision, so that of two answers one counts.
 *
 * Such claims are also looked for: that while is over before a user who went away comes back, and then the same token is a replay.
 *
 * A provider that is down costs nobody the session: it is asked again a second later, and only when the access token is over is a
 * request refused, as one that may be tried again.
 *
 * A service may refuse a token long before its end: its key was revoked, or it was itself. Then it is refreshed at once.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { every } from '@rekey/service'
import { BffError } from '../error.ts'
import { claimRefresh, giveUpClaim, orphanedClaims, revisionOf, saveTokens } from './claim.ts'
import { endSessions } from './end.ts'
import type { SessionParts } from './parts.ts'
import type { LiveSession } from './session.ts'
import { type HeldSession, type KeptTokens, keptAfter, openTokens } from './stored.ts'

/** Between two tries of an instance for one session while there is no need to wait. */
const quietMs = 1_000
const betweenLooksMs = 100
/** For so long a request waits for somebody else to refresh. */
const mostLooks = 100
/** A service that refuses a token younger than that would refuse the next one too. */
const youngMs = 10_000

const orphansEveryMs = 2_000

/** `later`: somebody else is at it, or the provider was found to be down a moment ago. */
type Outcome = 'refreshed' | 'ended' | 'busy' | 'later'

/** Refreshes the sessions of an instance, and those that other instances left half-way. */
export function refresher(parts: SessionParts) {
  const { clock, config, connection, log, memory } = parts
  const underWay = new Map<string, Promise<Outcome>>()
  /** Until when there is no use in trying again. */
  const quiet = new WeakMap<HeldSession, number>()

  /** Of one session at most one is under way in this instance. */
  function refresh(held: HeldSession): Promise<Outcome> {
    const { id } = held.live
    const running = underWay.get(id)
    if (running) return running
    const started = attempt(parts, held).finally(() => underWay.delete(id))
    underWay.set(id, started)
    return started
  }

  function refreshMeanwhile(held: HeldSession): void {
    if (!held.canRefresh || clock() < (quiet.get(held) ?? 0)) return
    quiet.set(held, clock() + quietMs)
    refresh(held).catch((error) => log.warn({ err: error, session: held.live.id }, 'a session could not be refreshed'))
  }

  async function refreshFirst(held: HeldSession): Promise<LiveSession | undefined> {
    if (!held.canRefresh) {
      await endSessions(parts, { session: held.live.id, revision: held.revision }, 'rekey', 'access token is over')
      return undefined
    }
    return refreshNow(held)
  }

  async function refreshNow(held: HeldSession): Promise<LiveSession | undefined> {
    for (let looks = 0; looks < mostLooks; looks++) {
      const outcome = await refresh(held)
      if (outcome === 'ended') return undefined
      if (outcome === 'refreshed') return afterRefresh(held)
      if (outcome === 'later') break
      await pause(betweenLooksMs)
    }
    throw unavailable()
  }

  async function afterRefresh(before: HeldSession): Promise<LiveSession | undefined> {
    const held = await memory.get(before.live.id)
    // A token that is over when it arrives would be refreshed for ever.
    if (held && clock() >= held.accessExpiresAt) throw unavailable()
    return held?.live
  }

  async function takeOver(): Promise<void> {
    parts.requireLease()
    await Promise.all(
      (await orphanedClaims(connection.db)).map(async (id) => {
        const held = await memory.fresh(id)
        if (held?.canRefresh) await refresh(held)
      }),
    )
  }

  const stop = every(orphansEveryMs, takeOver, (error) =>
    log.debug({ err: error }, 'refreshes that others began could not be taken over'),
  )

  return {
    /** A session whose access token is good. */
    async good(held: HeldSession): Promise<LiveSession | undefined> {
      const now = clock()
      if (now >= held.accessExpiresAt) return refreshFirst(held)
      if (now >= dueAt(held, config.sessions.refreshAheadMs)) refreshMeanwhile(held)
      return held.live
    },
    /** Another access token in the place of one that a service refused, or nothing where that is of no use. */
    async another({ id, accessToken }: LiveSession): Promise<LiveSession | undefined> {
      const held = await memory.get(id)
      if (held === undefined || held.live.accessToken !== accessToken) return held?.live
      return held.canRefresh && clock() >= held.obtainedAt + youngMs ? refreshNow(held) : undefined
    },
    /** Waits for what is under way. */
    async close(): Promise<void> {
      await stop()
      await Promise.allSettled(underWay.values())
    },
  }
}

const unavailable = () => new BffError('IDP_UNAVAILABLE', 'the session cannot be refreshed at the moment; try again')

/** An access token that lives for less than that is refreshed after half its life. */
function dueAt({ accessExpiresAt, obtainedAt }: HeldSession, aheadMs: number): number {
  return accessExpiresAt - Math.min(aheadMs, (accessExpiresAt - obtainedAt) / 2)
}

async function attempt(parts: SessionParts, held: HeldSession): Promise<Outcome> {
  const { connection, memory, sealer, view } = parts
  const { id } = held.live
  const claimed = await claimRefresh(connection.db, id, held.revision, view.id)
  if (typeof claimed === 'string') {
    if (claimed === 'changed' || claimed === 'ended') memory.forget(id)
    return claimed === 'changed' ? 'refreshed' : claimed
  }
  const tokens = openTokens(sealer, id, claimed.sealedTokens)
  return refreshClaimed(parts, held, tokens)
}

async function refreshClaimed(parts: SessionParts, held: HeldSession, before: KeptTokens): Promise<Outcome> {
  const { clock, log, memory, metrics, provider } = parts
  const { id, sub } = held.live
  try {
    const tokens = await provider.refresh(before.refreshToken ?? '')
    // OpenID Connect Core §12.2: a refresh does not change who it is.
    if (tokens.claims !== undefined && tokens.claims.sub !== sub) throw new BffError('REFRESH_REFUSED', 'another user')
    const outcome = await save(parts, held, keptAfter(tokens, clock(), before), tokens.accessExpiresAt)
    metrics.refreshSuccess.inc()
    return outcome
  } catch (error) {
    metrics.refreshFailed.inc()
    if (error instanceof BffError && error.code === 'REFRESH_REFUSED') return refused(parts, held)
    log.warn({ err: error, session: id }, 'a session could not be refreshed')
    await giveUpClaim(parts.connection.db, id, held.revision, parts.view.id)
    memory.forget(id)
    return 'later'
  }
}

/** Unless another instance refreshed meanwhile: then it was only this refresh token that was dead. */
async function refused(parts: SessionParts, held: HeldSession): Promise<Outcome> {
  const { id } = held.live
  await endSessions(parts, { session: id, revision: held.revision }, 'rekey', 'refresh refused')
  parts.memory.forget(id)
  return (await revisionOf(parts.connection.db, id)) === undefined ? 'ended' : 'refreshed'
}

async function save(parts: SessionParts, held: HeldSession, kept: KeptTokens, expiresAt: number): Promise<Outcome> {
  const { connection, memory, provider, sealer, log } = parts
  const { id } = held.live
  const isSaved = await saveTokens(connection.db, sealer, { id, revision: held.revision, kept, expiresAt })
  memory.forget(id)
  if (isSaved) return 'refreshed'
  if ((await revisionOf(connection.db, id)) !== undefined) return 'refreshed'
  // It ended meanwhile, and whoever ended it did not know of this refresh token.
  if (kept.refreshToken !== undefined) {
    await provider
      .revoke(kept.refreshToken)
      .catch((error) => log.warn({ err: error, session: id }, 'a refresh token could not be revoked'))
  }
  return 'ended'
}
