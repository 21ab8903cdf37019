import { activeOf } from './active.ts'
import { type GateWait, GateWatch, waitingLine } from './gates.ts'
import { type Run, until } from './run.ts'

const longestMs = 240_000

/** A planned rotation, from the request until the old key is dropped: `rekey rotate signing-rs256`. */
export async function plannedRotation(run: Run, keyring: string): Promise<GateWait[]> {
  const old = activeOf(await run.administration.keyring(keyring))
  const { rotation } = await run.administration.rotate(keyring, false)
  const requestedAt = rotation?.requestedAt ?? new Date(run.clock.wallMs()).toISOString()
  run.terminal.say(`rotation of ${keyring} asked for; ${old} signs`)
  const watch = new GateWatch(old)
  let activated = false
  const ended = await until(run, `rotation of ${keyring}`, longestMs, async () => {
    const shown = await run.administration.keyring(keyring)
    run.waiting = waitingLine(watch.see(shown))
    const state = shown.versions.find(({ id }) => id === old)?.state
    if (!activated && state !== 'active') {
      activated = true
      run.terminal.say(`${activeOf(shown)} signs; ${old} is still accepted`)
    }
    return state === 'retired' ? shown : undefined
  })
  run.terminal.say(`${old} is dropped: no token by it is left`)
  return watch.waits(ended, requestedAt)
}
