import type { EventProof } from '@rekey/database/offline'

interface Proving {
  /** How many proofs are asked for at a time. */
  atOnce: number
  pause(ms: number): Promise<unknown>
}

/** An event has its place in the chain, and a checkpoint that covers it, after about a second. */
const recheckMs = 100
const mostTries = 30

/**
 * Proofs that events stand in the audit, by the ids of the events. Those that cannot be proved yet are waited for, a few seconds
 * at most: where the chainer is down they get none.
 *
 * @param proofOf gives nothing while there is no proof
 */
export async function proveAll(
  ids: readonly string[],
  proofOf: (id: string) => Promise<EventProof | undefined>,
  { atOnce, pause }: Proving,
): Promise<Map<string, EventProof>> {
  const proofs = new Map<string, EventProof>()
  for (let tries = mostTries; ; tries -= 1) {
    const waiting = ids.filter((id) => !proofs.has(id))
    for (let from = 0; from < waiting.length; from += atOnce) {
      const some = waiting.slice(from, from + atOnce)
      const found = await Promise.all(some.map(async (id) => [id, await proofOf(id)] as const))
      for (const [id, proof] of found) if (proof) proofs.set(id, proof)
    }
    if (proofs.size === ids.length || tries === 0) return proofs
    await pause(recheckMs)
  }
}
