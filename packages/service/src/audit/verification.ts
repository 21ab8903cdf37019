import type { Verdict } from '@rekey/database'

/**
 * Reads the whole chain on behalf of many. Whoever asks while it is being read gets the reading after that one, which all who
 * ask meanwhile share: what was changed before they asked must not escape them.
 */
export function sharedVerification(chain: { verify: () => Promise<Verdict> }): () => Promise<Verdict> {
  let underWay: Promise<unknown> = Promise.resolve()
  let next: Promise<Verdict> | undefined
  return () => {
    next ??= underWay.then(() => {
      const verdict = chain.verify()
      underWay = verdict.catch(() => undefined)
      next = undefined
      return verdict
    })
    return next
  }
}
