import { setTimeout as wait } from 'node:timers/promises'
import type { Idp } from '../estate/idp.ts'
import { sharedClockMs } from './clock.ts'
import type { Crowds, Troubles } from './crowds.ts'

const LOOK_AGAIN_MS = 500

/** How all verifiers came back after the only instance was killed. Milliseconds from the kill. */
export interface Recovery {
  /** When the instance that took its place was ready. */
  readonly readyMs: number
  /** When the last verifier had renewed its lease with that one. */
  readonly renewedMs: number
  /** When the last feed was open again. */
  readonly feedsMs: number
  readonly troubles: Troubles
}

/** Kills the IdP and starts it again at the same address, and waits until every verifier is as before. */
export async function comeBack(idp: Idp, crowds: Crowds, count: number): Promise<Recovery> {
  await crowds.troubles()
  const killed = sharedClockMs()
  await idp.restart('SIGKILL')
  const ready = sharedClockMs()
  const [renewed, feeds] = await Promise.all([crowds.renewedSince(killed), allFeedsOpen(idp, count)])
  const troubles = await crowds.troubles()
  return { readyMs: ready - killed, renewedMs: renewed - killed, feedsMs: feeds - killed, troubles }
}

async function allFeedsOpen(idp: Idp, count: number): Promise<number> {
  while ((await idp.metric('rekey_trust_feed_readers')) < count) await wait(LOOK_AGAIN_MS)
  return sharedClockMs()
}
