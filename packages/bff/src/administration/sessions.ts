import { type App, lineOf, moment } from '@rekey/service'
import type { onRequestAsyncHookHandler } from 'fastify'
import { z } from 'zod'
import type { Bff } from '../bff.ts'
import { endSessions, type Selection } from '../sessions/end.ts'
import type { Operator } from './operator.ts'

/** Each is confirmed by every instance before the next. */
const mostSids = 100

const some = z.array(lineOf(255)).min(1).max(mostSids)
const selectors = ['all', 'sub', 'sids', 'sealedBy'] as const

const body = z
  .strictObject({
    all: z.literal(true).optional(),
    sub: lineOf(255).optional(),
    sids: some.optional(),
    sealedBy: some.optional(),
    issuedBefore: moment.optional(),
    incident: lineOf(100).optional(),
    /** Whom the holder of the token that may do everything acts for. */
    actor: lineOf(200).optional(),
  })
  .refine(
    (given) => selectors.filter((name) => given[name] !== undefined).length <= 1,
    'only one of all, sub, sids, sealedBy',
  )
  .refine(
    (given) => [...selectors, 'issuedBefore' as const].some((name) => given[name] !== undefined),
    'which? all, sub, sids, sealedBy or issuedBefore',
  )

type Wish = z.infer<typeof body>

/** Ends sessions for operators and incidents. It is answered when every live instance refuses them. */
export function sessionRoutes(app: App, bff: Bff, contain: onRequestAsyncHookHandler): void {
  app.post('/internal/sessions/end', { onRequest: contain, schema: { body } }, async (request) => {
    const { incident } = request.body
    const reason = incident === undefined ? 'operator' : `incident ${incident}`
    const actor = actorOf(request.operator, request.body)
    let ended = 0
    for (const selection of selectionsIn(request.body)) ended += await endSessions(bff, selection, actor, reason)
    return { ended }
  })
}

/** The identity provider ends sessions for somebody who administers there. */
function actorOf({ clientId, isAdmin }: Operator, { actor }: Wish): string {
  return isAdmin ? (actor ?? clientId) : clientId
}

function selectionsIn({ all, sub, sids, sealedBy, issuedBefore }: Wish): Selection[] {
  const before = issuedBefore === undefined ? {} : { issuedBefore }
  if (all) return [{ all, ...before }]
  if (sub !== undefined) return [{ sub, ...before }]
  if (sids) return sids.map((sid) => ({ sid, ...before }))
  if (sealedBy) return [{ sealedBy, ...before }]
  return issuedBefore === undefined ? [] : [{ issuedBefore }]
}
