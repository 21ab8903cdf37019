/** A user who reads and writes, at each replica in turn, until it is ended. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser } from '../../secrets/browser.ts'
import type { Replica } from './replica.ts'

const pauseMs = 30

export function workUnderWay(browser: Browser, publicUrl: string, replicas: readonly Replica[]) {
  const refused: string[] = []
  const serving = new Set(replicas)
  let made = 0
  let isOver = false
  let round: Promise<void> = Promise.resolve()

  async function once({ url }: Replica): Promise<void> {
    const session = await browser.go(`${url}/auth/session`)
    const { csrf_token: token = '' } = session.status === 200 ? JSON.parse(session.text) : {}
    const headers = { 'x-csrf-token': token, origin: publicUrl }
    const replies = [await browser.go(`${url}/api/hello`)]
    replies.push(await browser.go(`${url}/api/hello`, { method: 'POST', headers }))
    made += replies.length
    for (const { status, text } of replies) if (status !== 200) refused.push(`${url}: ${status} ${text}`)
  }

  const running = (async () => {
    for (let turn = 0; !isOver; turn++) {
      const [...there] = serving
      const replica = there[turn % there.length]
      if (replica) round = once(replica).catch((error) => void refused.push(String(error)))
      await round
      await pause(pauseMs)
    }
  })()

  return {
    refused,
    /** One by one, as a rolling deployment does: nobody is sent to a replica that is on its way out, or not ready yet. */
    async roll(all: Replica[], next: (old: Replica, index: number) => Promise<Replica>): Promise<void> {
      for (const [index, old] of all.entries()) {
        serving.delete(old)
        await round
        const replica = await next(old, index)
        all[index] = replica
        serving.add(replica)
      }
    },
    async end(): Promise<{ made: number; refused: readonly string[] }> {
      isOver = true
      await running
      return { made, refused }
    },
  }
}
