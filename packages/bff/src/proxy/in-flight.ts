import type { ServerResponse } from 'node:http'

/** Replies that are on their way. */
export interface InFlight {
  add(response: ServerResponse): void
  /** Resolves when none is left, at the latest after so long. */
  landed(withinMs: number): Promise<void>
}

export function newInFlight(): InFlight {
  const responses = new Set<ServerResponse>()
  let wake = () => {}
  return {
    add: (response) => {
      responses.add(response)
      response.once('close', () => {
        responses.delete(response)
        if (responses.size === 0) wake()
      })
    },
    landed: (withinMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, withinMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
        if (responses.size === 0) wake()
      }),
  }
}
