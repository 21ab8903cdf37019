import { setTimeout as wait } from 'node:timers/promises'

const POLL_MS = 50

/** Resolves when an address answers 200, or when it need not any more. */
export async function untilReady(url: string, isOver: () => boolean = () => false): Promise<void> {
  while (!isOver() && !(await isReady(url))) await wait(POLL_MS)
}

async function isReady(url: string): Promise<boolean> {
  try {
    const reply = await fetch(url)
    await reply.body?.cancel()
    return reply.status === 200
  } catch (error) {
    // fetch says in this way that nobody listens yet.
    if (error instanceof TypeError) return false
    throw error
  }
}
