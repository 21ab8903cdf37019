import { setTimeout as wait } from 'node:timers/promises'

const pauseMs = 40

/**
 * Calls APIs in turn with a fresh token each time, until it is ended.
 *
 * @returns ends it, and tells how many calls were answered and which were not answered with 200
 */
export function callsUnderWay(apis: readonly string[], token: () => Promise<string>) {
  const refused: string[] = []
  let made = 0
  let ended = false
  const running = (async () => {
    for (let turn = 0; !ended; turn++) {
      const api = apis[turn % apis.length] ?? ''
      const response = await fetch(`${api}/hello`, { headers: { authorization: `Bearer ${await token()}` } })
      const text = await response.text()
      made += 1
      if (response.status !== 200) refused.push(`${api} answered ${response.status}: ${text}`)
      await wait(pauseMs)
    }
  })()
  // Whoever ends it hears of it.
  running.catch(() => undefined)
  return {
    async end() {
      ended = true
      await running
      return { made, refused }
    },
  }
}
