import { type App, nextCursor, pageQuery, transact } from '@rekey/service'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { overlapOf } from '../credentials/next-version.ts'
import { idempotencyHeader } from '../credentials/schema.ts'
import { requireScope } from '../http/authorise.ts'
import { idempotent, nothingToPrepare } from '../http/idempotency.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { changeWebhook, deleteWebhook } from './change.ts'
import { createWebhook } from './create.ts'
import { deliveryRoutes } from './delivery-routes.ts'
import { listWebhooks } from './list.ts'
import { confirmSecret, rotateSecret } from './rotate.ts'
import {
  changedWebhook,
  createdWebhook,
  newWebhook,
  webhookParams as params,
  rotatedSecret,
  secretRotation,
  shownWebhook,
  tags,
} from './schema.ts'
import { showWebhook, showWebhooks } from './show.ts'
import { webhookOf } from './stored.ts'
import { requireTarget } from './target.ts'

const response = { 200: shownWebhook }
const refuses = codes('UNKNOWN_WEBHOOK', 'OUTBOUND_REFUSED', 'CREDENTIAL_REVOKED')
const all = '/api/v1/webhooks'
const one = `${all}/:webhookId`

/** Who is told of events, and where. */
export function webhookRoutes(app: App, instance: Instance): void {
  subscriptionRoutes(app, instance)
  secretRoutes(app, instance)
  deliveryRoutes(app, instance)
}

function subscriptionRoutes(app: App, instance: Instance): void {
  const { connection, columns, clock, config, webhooks } = instance
  const { db } = connection
  const parts = { columns, queue: webhooks.queue }
  const read = { onRequest: requireScope(instance, 'webhooks:read') }
  const write = { onRequest: requireScope(instance, 'webhooks:write', { whileFrozen: 'refused' }) }
  const lessen = { onRequest: requireScope(instance, 'webhooks:write', { whileFrozen: 'allowed' }) }

  const create = {
    tags,
    summary: 'Subscribe to events. The secret that signs them is in the reply, and never shown again',
    headers: idempotencyHeader,
    body: newWebhook,
    response: { 201: createdWebhook },
    refuses: codes('OUTBOUND_REFUSED', 'TOO_MANY_WEBHOOKS', 'IDEMPOTENCY_KEY_REUSED'),
  }
  app.post(all, { ...write, schema: create }, async (request, reply) => {
    const { caller, body } = request
    await requireTarget(webhooks.rules, body.url)
    const created = await idempotent(
      instance,
      request,
      'create a webhook',
      async (transaction) => {
        const made = await createWebhook(transaction, columns, caller, body, config.webhooks.most)
        const shown = await showWebhook(transaction, columns, made.webhook, clock())
        return { revision: 0, reply: { ...shown, signingSecret: made.signingSecret } }
      },
      nothingToPrepare,
    )
    return noStore(reply).code(201).send(created)
  })

  const list = {
    tags,
    summary: 'List the webhooks of your organization',
    querystring: z.object(pageQuery),
    response: { 200: z.object({ webhooks: z.array(shownWebhook), nextCursor }) },
  }
  app.get(all, { ...read, schema: list }, async ({ caller, query }) => {
    const page = await listWebhooks(db, caller.organizationId, query)
    return { webhooks: await showWebhooks(db, columns, page.rows, clock()), nextCursor: page.nextCursor }
  })

  const show = { tags, summary: 'Show a webhook', params, response, refuses: codes('UNKNOWN_WEBHOOK') }
  app.get(one, { ...read, schema: show }, async ({ caller, params }) =>
    showWebhook(db, columns, await webhookOf(db, caller, params.webhookId), clock()),
  )

  const change = {
    tags,
    summary: 'Change a webhook',
    description:
      'What is not named stays. One that is paused or disabled sends again when its status is set to active.',
    params,
    body: changedWebhook,
    response,
    refuses,
  }
  app.patch(one, { ...write, schema: change }, async ({ caller, params, body }) => {
    if (body.url !== undefined) await requireTarget(webhooks.rules, body.url)
    const changed = await transact(db, (tx) => changeWebhook(tx, parts, caller, params.webhookId, body))
    return showWebhook(db, columns, changed, clock())
  })

  const pause = {
    tags,
    summary: 'Pause a webhook: nothing is sent to it, and what was to be delivered waits',
    params,
    response,
    refuses: codes('UNKNOWN_WEBHOOK'),
  }
  app.post(`${one}/pause`, { ...lessen, schema: pause }, async ({ caller, params }) => {
    const paused = await transact(db, (tx) => changeWebhook(tx, parts, caller, params.webhookId, { status: 'paused' }))
    return showWebhook(db, columns, paused, clock())
  })

  const remove = {
    tags,
    summary: 'Delete a webhook, and all that was to be delivered to it',
    params,
    response: { 204: z.null() },
    refuses: codes('UNKNOWN_WEBHOOK'),
  }
  app.delete(one, { ...lessen, schema: remove }, async ({ caller, params }, reply) => {
    await transact(db, (tx) => deleteWebhook(tx, caller, params.webhookId))
    return reply.code(204).send(null)
  })
}

function secretRoutes(app: App, instance: Instance): void {
  const { connection, columns, clock } = instance
  const { db } = connection

  const rotate = {
    tags,
    summary: 'Rotate the secret. The new one is in the reply, and never shown again',
    description: 'Until the overlap is over, or the new one confirmed, deliveries are signed by the old one, too.',
    params,
    headers: idempotencyHeader,
    body: secretRotation,
    response: { 200: rotatedSecret },
    refuses: codes('UNKNOWN_WEBHOOK', 'TOO_MANY_CREDENTIALS', 'IDEMPOTENCY_KEY_REUSED'),
  }
  const whileFrozen = requireScope(instance, 'webhooks:write', { whileFrozen: 'refused' })
  app.post(`${one}/rotate-secret`, { onRequest: whileFrozen, schema: rotate }, async (request, reply) => {
    const overlapMs = overlapOf(request.body?.overlap)
    const { webhookId } = request.params
    const rotated = await idempotent(
      instance,
      request,
      'rotate the secret of a webhook',
      async (transaction) => ({
        revision: 0,
        reply: await rotateSecret(transaction, columns, request.caller, webhookId, overlapMs),
      }),
      nothingToPrepare,
    )
    return noStore(reply).send(rotated)
  })

  const confirm = {
    tags,
    summary: 'Say that the receiver has the newest secret: the others sign nothing more',
    params,
    response,
    refuses: codes('UNKNOWN_WEBHOOK'),
  }
  const onRequest = requireScope(instance, 'webhooks:write', { whileFrozen: 'allowed' })
  app.post(`${one}/confirm-secret`, { onRequest, schema: confirm }, async ({ caller, params }) => {
    await transact(db, (tx) => confirmSecret(tx, caller, params.webhookId))
    return showWebhook(db, columns, await webhookOf(db, caller, params.webhookId), clock())
  })
}

function noStore<Reply extends Pick<FastifyReply, 'header'>>(reply: Reply): Reply {
  reply.header('cache-control', 'no-store')
  return reply
}
