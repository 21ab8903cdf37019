import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Surroundings } from '../calls/surroundings.ts'
import type { Pdp } from '../config/files/pdp.ts'
import type { Metrics } from '../operations/metrics.ts'
import { type Mappings, mappingsOf } from './mappings.ts'
import { type Decision, decisionPoint } from './pdp.ts'
import type { Asker, Question } from './question.ts'
import { transportOf } from './transport.ts'

/** Tells what the policy allows. */
export interface Authz {
  readonly mappings: Mappings
  /** @returns `unavailable` where nobody decided: nothing is allowed then, but nothing was forbidden either */
  decide(asker: Asker, questions: readonly Question[]): Promise<'allow' | 'deny' | 'unavailable'>
  close(): Promise<void>
}

interface Kept extends Decision {
  readonly since: number
  readonly until: number
}

/** Puts it together. Nobody is asked before there is a question. */
export function openAuthz(pdp: Pdp, around: Surroundings): Authz {
  const { clock, random, every, log, metrics } = around
  if (!pdp.tls.isVerified) {
    log.warn(
      'pdp.yaml: verify_ssl is false, which is dangerous: anybody on the way to the decision point can allow everything',
    )
  }
  const transport = transportOf(pdp.tls, around.fetch)
  const countToken = (status: string) => metrics.tokenExchanges.inc({ grant_type: 'client_credentials', status })
  const point = decisionPoint(pdp, { transport, clock, random, countToken })
  const warn = (message: string) => log.warn(message)
  const unwatch = pdp.credentials?.clientSecret.watch(() => undefined, { every, warn })
  const kept = new LRUCache<string, Kept>({ max: pdp.cache.maxSize })
  return {
    mappings: mappingsOf(pdp.endpoints),
    async decide(asker, questions) {
      const since = clock()
      const asked = questions.map((question) => {
        const key = keyOf(asker, question)
        return { question, key, found: known(kept, key, since) }
      })
      if (asked.some(({ found }) => found?.isAllowed === false)) return told('deny', questions, metrics)
      const open = asked.filter(({ found }) => found === undefined)
      if (open.length === 0) return told('allow', questions, metrics)
      const answer = await point.decide(open.map(({ question }) => question))
      if ('fault' in answer) {
        log.warn({ fault: answer.fault }, 'the policy decision point did not decide')
        return told('unavailable', questions, metrics)
      }
      for (const [i, { key }] of open.entries()) keep(kept, key, answer.decisions[i], since, pdp.cache)
      return told(answer.decisions.every(({ isAllowed }) => isAllowed) ? 'allow' : 'deny', questions, metrics)
    },
    async close() {
      await unwatch?.()
      await point.close()
    },
  }
}

/**
 * Of everything that was asked, and of the session or token that asked: another session of the same user asks anew, and what a
 * session was allowed is never looked up again when it has ended.
 */
function keyOf({ hangsOn }: Asker, question: Question): string {
  return createHash('sha256')
    .update(JSON.stringify([hangsOn, question]))
    .digest('base64')
}

function known(kept: LRUCache<string, Kept>, key: string, now: number): Kept | undefined {
  const found = kept.get(key)
  // A clock that was set back prolongs nothing.
  return found && now >= found.since && now < found.until ? found : undefined
}

function keep(
  kept: LRUCache<string, Kept>,
  key: string,
  decision: Decision | undefined,
  since: number,
  { allowMs, denyMs }: Pdp['cache'],
): void {
  if (!decision?.isSure) return
  const until = since + (decision.isAllowed ? allowMs : denyMs)
  if (until > since) kept.set(key, { ...decision, since, until })
}

function told<D extends 'allow' | 'deny' | 'unavailable'>(
  decision: D,
  questions: readonly Question[],
  { authzRequests }: Pick<Metrics, 'authzRequests'>,
): D {
  for (const { resource, action } of questions) {
    authzRequests.inc({ resource: resource.type, action: action.name, decision })
  }
  return decision
}
