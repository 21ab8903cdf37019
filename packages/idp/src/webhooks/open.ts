/** Webhooks on one instance: it goes through the audit's chain where nobody else does, and delivers. */
import type { ColumnCipher, InstanceView, Jobs } from '@rekey/database'
import { startLoop } from '@rekey/keyring'
import { every } from '@rekey/service'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { keptConnections } from '../outbound/fetch.ts'
import { type OutboundRules, outboundRules } from '../outbound/rules.ts'
import type { IdpDatabase } from '../tables.ts'
import { deliver } from './deliver.ts'
import { dispatchBatch } from './dispatch.ts'
import { confirmationsOf, webhookKeyringStore } from './keyring.ts'
import { subscriptions } from './load.ts'
import { type DeliveryQueue, openDeliveryQueue } from './queue.ts'
import { recover } from './recover.ts'
import { mostToOneHost } from './send.ts'

const lookEveryMs = 250
const recoverEveryMs = 60_000
const keyringBeatMs = 1_000

/** What an instance has for webhooks. */
export interface Webhooks {
  queue: DeliveryQueue
  /** Whom they may be sent to. */
  rules: OutboundRules
  close(): Promise<void>
}

/** What they need of an instance. */
export interface WebhookParts {
  config: Pick<Config, 'webhooks' | 'jobs'>
  /** For what waits for nobody's request. */
  db: IdpDatabase
  jobs: Jobs
  columns: ColumnCipher
  clock: Clock
  view: Pick<InstanceView, 'held'>
  counted: Parameters<typeof deliver>[0]['counted']
  log: Logger
}

/** Begins to dispatch and to deliver. */
export async function openWebhooks(parts: WebhookParts): Promise<Webhooks> {
  const { config, db, jobs, columns, clock, view, counted, log } = parts
  const { allowPrivate, timeoutMs, retryBaseMs, keptMs } = config.webhooks
  const queue = await openDeliveryQueue(jobs, timeoutMs, config.jobs)
  const rules = webhookRules(config)
  const enabled = () => view.held()
  const onError = (what: string) => (error: unknown) => log.error({ err: error }, what)

  async function dispatch(): Promise<void> {
    while (enabled() && (await dispatchBatch(db, queue)));
  }

  const agents = keptConnections(mostToOneHost)
  const endings = [
    every(lookEveryMs, dispatch, onError('events could not be made into deliveries')),
    deliver({
      db,
      queue,
      sending: { rules, agents, timeoutMs, now: clock },
      subscriptionsOf: subscriptions(db, columns, onError('a webhook could not be decrypted')),
      retryBaseMs,
      enabled,
      counted,
      onError: onError('webhooks could not be delivered'),
    }),
    every(
      recoverEveryMs,
      async () => enabled() && recover(db, queue, keptMs),
      onError('old deliveries could not be pruned'),
    ),
    startLoop(
      { store: webhookKeyringStore(db), observe: (keyring) => confirmationsOf(db, keyring) },
      { everyMs: keyringBeatMs, enabled, onError: onError('secrets of webhooks') },
    ).stop,
  ]
  if (allowPrivate.length > 0) log.info({ allowPrivate }, 'webhooks may be sent to private addresses')
  return {
    queue,
    rules,
    async close() {
      await Promise.all(endings.map((end) => end()))
      agents.plain.destroy()
      agents.secure.destroy()
    },
  }
}

/** How many calls there are to a host at once is seen to where they are made: waiting must not count as an attempt's time. */
export function webhookRules(
  { webhooks }: Pick<Config, 'webhooks'>,
  resolve?: OutboundRules['resolve'],
): OutboundRules {
  const options = { variable: 'REKEY_WEBHOOK_ALLOW_PRIVATE', mostCalls: Number.POSITIVE_INFINITY }
  return outboundRules(webhooks.allowPrivate, resolve, options)
}
