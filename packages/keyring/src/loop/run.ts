import type { Decision } from '../decide/decide.ts'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { AnyPolicy } from '../policy/client.ts'
import { carryOut, type HandsOrEyes } from './carry-out.ts'

/** Runs `act` again and again, `everyMs` apart; the function returned ends it. */
export type Every = (everyMs: number, act: () => void) => () => void

/** The system's timers. */
const systemEvery: Every = (everyMs, act) => {
  const timer = setInterval(act, everyMs)
  return () => clearInterval(timer)
}

export interface Loop {
  /** New evidence came in: look at what is due at once instead of at the next beat. */
  poke(): void
  /** Ends the loop; resolves when the pass under way is over. */
  stop(): Promise<void>
}

interface LoopOptions<P extends AnyPolicy> {
  everyMs: number
  enabled: () => boolean
  onError: (error: unknown) => void
  onDecision?: (keyring: Keyring<P>, decision: Decision) => void | Promise<void>
  afterwards?: () => Promise<void>
  every?: Every
}

/**
 * Runs the rotation of every keyring in a store: at each beat it reads the names of those that are due, and nothing else.
 * Any number of processes run the same loop; there is no leader.
 *
 * @param options.everyMs time between two beats
 * @param options.enabled asked at each pass; an instance that has lost its lease must not decide anything
 * @param options.onError a keyring, or a whole pass, that failed; the next beat tries again
 * @param options.onDecision what the last pass found each due keyring to be waiting for. It is waited for: a store may note
 *   the decision's `nextDecisionAt` here, so that the keyring is not due again before
 * @param options.every what the beat comes from; by default the system's timers
 * @param options.afterwards what else hangs on the same evidence, done at each pass when the keyrings are settled
 */
export function startLoop<P extends AnyPolicy>(hands: HandsOrEyes<P>, options: LoopOptions<P>): Loop {
  let stopped = false
  let again = false
  let running: Promise<void> | undefined
  const endBeat = (options.every ?? systemEvery)(options.everyMs, poke)

  function poke(): void {
    again = true
    running ??= pass().finally(() => {
      running = undefined
    })
  }

  async function pass(): Promise<void> {
    while (again && !stopped && options.enabled()) {
      again = false
      await settleDue(hands, options).catch(options.onError)
      await options.afterwards?.().catch(options.onError)
    }
  }

  return {
    poke,
    stop: async () => {
      stopped = true
      endBeat()
      await running
    },
  }
}

async function settleDue<P extends AnyPolicy>(
  hands: HandsOrEyes<P>,
  { onError, onDecision }: LoopOptions<P>,
): Promise<void> {
  for (const name of await hands.store.due(await hands.store.now())) {
    try {
      const settled = await carryOut(name, hands)
      if (settled) await onDecision?.(settled.keyring, settled.decision)
    } catch (error) {
      // One keyring whose key cannot be made must not keep the others from rotating.
      onError(error)
    }
  }
}
