/** A way to an API that can be cut: the procedure is held up where it proves, can be ended there, and goes on when it is mended. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export type CutApi = Awaited<ReturnType<typeof cutApi>>

export async function cutApi(api: string) {
  let isCut = true
  const way = createServer((socket) => (isCut ? socket.destroy() : passOn(socket, api))).listen(0, '127.0.0.1')
  await once(way, 'listening')
  return {
    url: `http://127.0.0.1:${(way.address() as { port: number }).port}`,
    mend() {
      isCut = false
    },
    close: () => way.close(),
  }
}

function passOn(socket: Socket, api: string): void {
  const way = connect(Number(new URL(api).port), 'localhost')
  socket.pipe(way).pipe(socket)
  for (const end of [socket, way]) end.on('error', () => end.destroy())
}

/** Resolves when a text was said on a stream, and rejects when that ends without it. */
export function said(stream: NodeJS.ReadableStream, text: RegExp): Promise<void> {
  let heard = ''
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk) => {
      heard += chunk
      if (text.test(heard)) resolve()
    })
    stream.once('end', () => reject(new Error(`it was not said:\n${heard}`)))
  })
}
