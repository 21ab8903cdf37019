import { setTimeout as wait } from 'node:timers/promises'
import type { Estate } from './estate.ts'

const pauseMs = 150

/**
 * Makes agents with secrets all the time, at every instance in turn, whatever happens. Each that was answered is
 * remembered: its secret has to be good at the end.
 *
 * @returns ends it, and tells how many were answered
 */
export function makeAgents(estate: Estate): () => Promise<number> {
  let ended = false
  let answered = 0
  const running = (async () => {
    for (let k = 0; !ended; k++) {
      const made = await estate.admin.agent(estate.idps[k % estate.idps.length]?.url ?? '', `agent-${k}`)
      if (made) estate.promiseAgent(made)
      if (made) answered += 1
      await wait(pauseMs)
    }
  })()
  return async () => {
    ended = true
    await running
    return answered
  }
}
