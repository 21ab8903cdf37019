import type { Decision } from '../decide/decide.ts'
import type { Keyring } from '../lifecycle/keyring.ts'
import { carryOut, type Hands } from './carry-out.ts'

export interface Loop {
  /** New evidence came in: look at what is due at once instead of at the next beat. */
  poke(): void
  /** Ends the loop; resolves when the pass under way is over. */
  stop(): Promise<void>
}

/**
 * Runs the rotation of every keyring in a store: at each beat it reads the names of those that are due, and nothing else.
 * Any number of processes run the same loop; there is no leader.
 *
 * @param options.everyMs time between two beats
 * @param options.enabled asked at each pass; an instance that has lost its lease must not decide anything
 * @param options.onError a keyring, or a whole pass, that failed; the next beat tries again
 * @param options.onDecision what the last pass found each due keyring to be waiting for
 */
export function startLoop(
  hands: Hands,
  options: {
    everyMs: number
    enabled: () => boolean
    onError: (error: unknown) => void
    onDecision?: (keyring: Keyring, decision: Decision) => void
  },
): Loop {
  let stopped = false
  let again = false
  let running: Promise<void> | undefined
  const beat = setInterval(poke, options.everyMs)

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
    }
  }

  return {
    poke,
    stop: async () => {
      stopped = true
      clearInterval(beat)
      await running
    },
  }
}

async function settleDue(hands: Hands, { onError, onDecision }: Parameters<typeof startLoop>[1]): Promise<void> {
  for (const name of await hands.store.due(await hands.store.now())) {
    try {
      const settled = await carryOut(name, hands)
      if (settled) onDecision?.(settled.keyring, settled.decision)
    } catch (error) {
      // One keyring whose key cannot be made must not keep the others from rotating.
      onError(error)
    }
  }
}
