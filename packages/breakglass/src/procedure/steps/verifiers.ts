import type { Acknowledgements, Unavailable } from '../../providers/port.ts'
import { isUnavailable } from '../results.ts'
import type { Run } from '../run.ts'

const lookEveryMs = 250
/** A lease of 15 s, after which a verifier that is dead accepts nothing any more, and some air. */
const withinMs = 20_000

/** Waits until every verifier on the feed has acknowledged; whoever has not by then is named. */
export function awaitVerifiers(run: Run): Promise<void> {
  return run.step('verifiers', async () => {
    const until = run.s.monotonic() + withinMs
    for (;;) {
      const seen = await acknowledgements(run)
      if (isUnavailable(seen) || seen.missing.length === 0 || run.s.monotonic() >= until) return seen
      run.waitFor(seen.missing.map(({ id, acceptsUntil }) => `${id} (accepts until ${acceptsUntil} at most)`))
      await run.pause(lookEveryMs)
    }
  })
}

async function acknowledgements(run: Run): Promise<Acknowledgements | Unavailable> {
  const seen = await run.ask((provider) => provider.acknowledgements(run.plan.incident))
  return seen ?? { unavailable: 'the identity provider has no feed that verifiers acknowledge on' }
}
