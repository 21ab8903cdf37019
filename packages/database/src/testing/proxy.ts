import { connect, createServer, type Server, type Socket } from 'node:net'

/** A wire between us and PostgreSQL that can be damaged. */
export interface Proxy {
  url: string
  /** Existing connections stay open and carry nothing any more, as when a router forgets them. New ones work. */
  freeze(): void
  /** Existing connections end, and new ones are closed at once. */
  cut(): void
  /** New connections work again. */
  mend(): void
  close(): void
}

/** Stands in front of the server of a database URL. */
export async function proxyFor(databaseUrl: string): Promise<Proxy> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((client) => {
    if (isCut) return client.destroy()
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => socket.destroy()))
    client.pipe(upstream).pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  const url = new URL(databaseUrl)
  url.port = String(await listeningPort(server))
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  return {
    url: url.href,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause()
    },
    cut,
    mend: () => {
      isCut = false
    },
    close: () => {
      cut()
      server.close()
    },
  }
}

function listeningPort(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}
