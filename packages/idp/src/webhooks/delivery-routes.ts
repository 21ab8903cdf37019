import { type App, nextCursor, transact } from '@rekey/service'
import { z } from 'zod'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { listDeliveries, redeliver } from './deliveries.ts'
import { deliveriesWanted, deliveryParams, redelivered, shownDelivery, tags, webhookParams } from './schema.ts'
import { webhookOf } from './stored.ts'

const one = '/api/v1/webhooks/:webhookId'

/** What was delivered, what was not, and delivering it once more. */
export function deliveryRoutes(app: App, instance: Instance): void {
  const { connection, webhooks } = instance
  const { db } = connection
  const onRequest = requireScope(instance, 'webhooks:write', { whileFrozen: 'allowed' })

  const list = {
    tags,
    summary: 'List what was and is to be delivered, the newest event first',
    params: webhookParams,
    querystring: deliveriesWanted,
    response: { 200: z.object({ deliveries: z.array(shownDelivery), nextCursor }) },
    refuses: codes('UNKNOWN_WEBHOOK'),
  }
  const read = { onRequest: requireScope(instance, 'webhooks:read') }
  app.get(`${one}/deliveries`, { ...read, schema: list }, async ({ caller, params, query }) => {
    await webhookOf(db, caller, params.webhookId)
    return listDeliveries(db, params.webhookId, query)
  })

  const again = {
    tags,
    summary: 'Deliver something once more that was delivered or given up',
    params: deliveryParams,
    response: { 202: redelivered },
    refuses: codes('UNKNOWN_WEBHOOK', 'UNKNOWN_DELIVERY'),
  }
  app.post(
    `${one}/deliveries/:deliveryId/redeliver`,
    { onRequest, schema: again },
    async ({ caller, params }, reply) => {
      const { webhookId, deliveryId } = params
      const count = await transact(db, (tx) => redeliver(tx, webhooks.queue, caller, webhookId, deliveryId))
      return reply.code(202).send({ redelivered: count })
    },
  )

  const dead = {
    tags,
    summary: 'Deliver all that was given up once more, 10000 at a time',
    params: webhookParams,
    response: { 202: redelivered },
    refuses: codes('UNKNOWN_WEBHOOK'),
  }
  app.post(`${one}/redeliver`, { onRequest, schema: dead }, async ({ caller, params }, reply) => {
    const count = await transact(db, (tx) => redeliver(tx, webhooks.queue, caller, params.webhookId))
    return reply.code(202).send({ redelivered: count })
  })
}
