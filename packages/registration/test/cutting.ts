import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'

/** What lies between a client and a server, and cuts the connection when the reply to a request of this method comes: it was carried out. */
export async function cuttingProxy(target: string) {
  const { hostname, port } = new URL(target)
  const proxy = {
    url: '',
    cuts: undefined as string | undefined,
    /** Replies that did not get through. */
    lost: 0,
    close: () => {
      server.close()
    },
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    let method = ''
    client.on('data', (chunk) => {
      method = /^[A-Z]+(?= \/)/.exec(chunk.toString('latin1'))?.[0] ?? method
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (method !== proxy.cuts) return void client.write(chunk)
      proxy.lost += 1
      upstream.destroy()
      client.resetAndDestroy()
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return proxy
}
