/** Whom Alertmanager tells, as its documentation has it: a webhook receiver. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { eventually } from '@rekey/database/testing'

interface Told {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** The receiver of the configuration. */
  readonly receiver: string
}

export async function startReceiver() {
  const told: Told[] = []
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as { receiver: string; alerts: Omit<Told, 'receiver'>[] }
    for (const alert of body.alerts) told.push({ ...alert, receiver: body.receiver })
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  /** Resolves when it was told of an alert, last of all as asked. */
  async function until(status: Told['status'], alertname: string, labels: Record<string, string> = {}): Promise<Told> {
    const wanted = Object.entries({ alertname, ...labels })
    const last = () => told.findLast((each) => wanted.every(([name, value]) => each.labels[name] === value))
    const seen = await eventually(last, (each) => each?.status === status)
    return seen as Told
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    told,
    firing: (alertname: string, labels?: Record<string, string>) => until('firing', alertname, labels),
    resolved: (alertname: string, labels?: Record<string, string>) => until('resolved', alertname, labels),
    async stop(): Promise<void> {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
