import type { ManagementClient } from './management.ts'
import { readPages } from './pages.ts'

/** A subscription to events, as the API tells it. Times are ISO 8601. */
export interface Webhook {
  id: string
  name: string
  /** null where the identity provider cannot decrypt it. */
  url: string | null
  events: string[]
  status: 'active' | 'paused' | 'disabled'
  reason?: string
  createdAt: string
  changedAt: string
  failingSince?: string
  secrets: { id: string; state: 'active' | 'retiring'; since: string; until?: string }[]
  deliveries: { pending: number; dead_letter: number }
}

/** What is told of a secret once. */
export interface NewSecret {
  id: string
  signingSecret: string
  overlapEndsAt?: string
}

export interface Delivery {
  id: string
  messageId: string
  seq: number
  action: string
  status: 'pending' | 'delivered' | 'dead_letter'
  attempts: number
  createdAt: string
  nextAttemptAt?: string
  endedAt?: string
  lastStatus?: number
  lastError?: string
}

export type WebhookChange = Partial<Pick<Webhook, 'name' | 'url' | 'events'>> & { status?: 'active' | 'paused' }

const read = 'webhooks:read'
const write = 'webhooks:write'

/** Subscribes to events. The secret is in this reply and nowhere else. */
export async function createWebhook(
  client: ManagementClient,
  body: Pick<Webhook, 'name' | 'url' | 'events'>,
): Promise<Webhook & NewSecret> {
  const failure = `the webhook ${body.name} was not created`
  return await client.call<Webhook & NewSecret>({
    method: 'POST',
    path: '/webhooks',
    scope: write,
    body,
    failure,
    once: true,
  })
}

/** The webhooks of the caller's organization, at most so many. */
export async function listWebhooks(client: ManagementClient, limit: number) {
  const listing = { path: '/webhooks', scope: read, query: {}, failure: 'the webhooks cannot be read', limit } as const
  type Reply = { webhooks: Webhook[]; nextCursor: string | null }
  const { entries, nextCursor } = await readPages(client, listing, (reply: Reply) => reply.webhooks)
  return { webhooks: entries, nextCursor }
}

export async function readWebhook(client: ManagementClient, id: string): Promise<Webhook> {
  const failure = `webhook ${id} cannot be read`
  return await client.call<Webhook>({ method: 'GET', path: below(id), scope: read, failure })
}

/** Pausing has a path of its own, because it goes on while administration is frozen. */
export async function changeWebhook(client: ManagementClient, id: string, change: WebhookChange): Promise<Webhook> {
  const failure = `webhook ${id} was not changed`
  const how = { scope: write, failure, repeatable: true } as const
  const { status, ...rest } = change
  if (status === 'paused' && Object.keys(rest).length === 0)
    return await client.call<Webhook>({ method: 'POST', path: below(id, 'pause'), ...how })
  return await client.call<Webhook>({ method: 'PATCH', path: below(id), body: change, ...how })
}

export async function deleteWebhook(client: ManagementClient, id: string): Promise<void> {
  const failure = `webhook ${id} was not deleted`
  await client.call<null>({ method: 'DELETE', path: below(id), scope: write, failure })
}

/** @param overlap for how long the old secret signs, too; 24 h without it */
export async function rotateWebhookSecret(client: ManagementClient, id: string, overlap?: string): Promise<NewSecret> {
  return await client.call<NewSecret>({
    method: 'POST',
    path: below(id, 'rotate-secret'),
    scope: write,
    body: overlap === undefined ? {} : { overlap },
    failure: `the secret of webhook ${id} was not rotated`,
    once: true,
  })
}

export async function confirmWebhookSecret(client: ManagementClient, id: string): Promise<Webhook> {
  const failure = `the secret of webhook ${id} was not confirmed`
  const path = below(id, 'confirm-secret')
  return await client.call<Webhook>({ method: 'POST', path, scope: write, failure, repeatable: true })
}

/** What was and is to be delivered, at most so many, the newest first. */
export async function listDeliveries(client: ManagementClient, id: string, limit: number, status?: string) {
  const failure = `the deliveries of webhook ${id} cannot be read`
  const listing = { path: below(id, 'deliveries'), scope: read, query: { status }, failure, limit } as const
  type Reply = { deliveries: Delivery[]; nextCursor: string | null }
  const { entries, nextCursor } = await readPages(client, listing, (reply: Reply) => reply.deliveries)
  return { deliveries: entries, nextCursor }
}

/** Delivers one thing once more, or all that was given up. */
export async function redeliver(client: ManagementClient, id: string, delivery?: string) {
  const path = delivery === undefined ? below(id, 'redeliver') : below(id, 'deliveries', delivery, 'redeliver')
  const failure = `nothing is delivered to webhook ${id} once more`
  return await client.call<{ redelivered: number }>({ method: 'POST', path, scope: write, failure })
}

function below(...parts: string[]): string {
  return ['/webhooks', ...parts.map(encodeURIComponent)].join('/')
}
