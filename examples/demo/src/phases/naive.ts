import { DemoError } from '../error.ts'
import { activeOf } from './active.ts'
import { type Run, until } from './run.ts'

const quietMs = 5_000
const longestMs = 100_000

/**
 * The same rotation as a runbook without gates does it: make a key, sign with it, throw the old one away. The key held
 * in reserve is discarded first, so that nobody has seen the new one before it signs; `force` and `revoke` are what an
 * operator would use to have it at once. It lasts until the old key's tokens are used up and failures have stopped.
 */
export async function naiveRotation(run: Run, keyring: string): Promise<void> {
  const before = await run.administration.keyring(keyring)
  const old = activeOf(before)
  const reserve = before.versions.find(({ state }) => state === 'prepared')
  if (!reserve) throw new DemoError('CALL_REFUSED', `${keyring} has no version in reserve`)
  run.terminal.say(`a brand-new key is used at once, ${old} is dropped at once`)
  await run.administration.discard(keyring, reserve.id)
  await run.administration.prepare(keyring)
  await run.administration.rotate(keyring, true)
  const after = await run.administration.revoke(keyring, old, 'naive rotation')
  run.terminal.say(`${activeOf(after)} signs; ${old} is gone`)
  run.waiting = 'for the failures to stop'
  const startedAt = run.clock.monotonicMs()
  await until(run, 'end of the failures', longestMs, async () => {
    const quietSince = run.load.lastFailureAt ?? startedAt
    const quiet = run.clock.monotonicMs() - quietSince > quietMs
    return quiet && !run.load.wallet.holds(old, run.clock.wallMs()) ? true : undefined
  })
}

/**
 * Until a new reserve has been out long enough for everybody to have it: only then can an emergency do without waiting.
 */
export async function settleAgain(run: Run, keyring: string, propagationMs: number): Promise<void> {
  run.terminal.say('settling: the new reserve has to be out for long enough')
  await until(run, 'reserve known to everybody', propagationMs + longestMs, async () => {
    const { versions } = await run.administration.keyring(keyring)
    const servedAt = versions.find(({ state }) => state === 'prepared')?.servedAt
    const leftMs = servedAt ? Date.parse(servedAt) + propagationMs - run.clock.wallMs() : propagationMs
    run.waiting = `${Math.ceil(leftMs / 1_000)} s for anonymous readers to have the reserve`
    return leftMs <= 0 ? true : undefined
  })
}
