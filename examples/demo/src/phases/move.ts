import { activeOf } from './active.ts'
import { type GateWait, waitingLine } from './gates.ts'
import { type Run, until } from './run.ts'

const moveWithinMs = 120_000
const lastTokenWithinMs = 90_000

/**
 * A move of issuance to another algorithm: `rekey issue-with signing-es256`. Returns when every instance has confirmed
 * it.
 */
export async function moveIssuance(run: Run, keyring: string, force: boolean): Promise<GateWait> {
  const parties = new Set<string>()
  const askedAt = run.clock.monotonicMs()
  await run.administration.moveIssuance(keyring, force)
  await until(run, `issuance by ${keyring}`, moveWithinMs, async () => {
    const shown = await run.administration.issuance()
    for (const party of shown.move?.waiting.for ?? []) parties.add(party)
    run.waiting = shown.move ? waitingLine([shown.move.waiting]) : ''
    return shown.keyring === keyring && !shown.move && shown.confirmed ? shown : undefined
  })
  return { before: 'tokens are issued by it', waitedMs: run.clock.monotonicMs() - askedAt, for: [...parties] }
}

/** The move as a phase: from RS256 to ES256, until the last RS256 token has been used up. */
export async function algorithmMove(run: Run): Promise<GateWait[]> {
  const old = activeOf(await run.administration.keyring('signing-rs256'))
  run.terminal.say('move of issuance to signing-es256 asked for')
  const wait = await moveIssuance(run, 'signing-es256', false)
  run.terminal.say('every instance issues ES256 tokens; RS256 tokens are used until they expire')
  run.waiting = 'for the last RS256 token to expire'
  await until(run, 'end of the RS256 tokens', lastTokenWithinMs, async () =>
    run.load.wallet.holds(old, run.clock.wallMs()) ? undefined : true,
  )
  return [wait]
}
