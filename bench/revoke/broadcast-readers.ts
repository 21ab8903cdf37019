/** The ceiling's half that listens: connections that do nothing with an event but to notice that it is there. */
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { sharedClockMs } from './clock.ts'

const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY })
const streams: IncomingMessage[] = []

process.on('message', (order: { do: 'open'; url: string; count: number } | { do: 'listen' }) => {
  if (order.do === 'open') void open(order.url, order.count)
  else void listen()
})
process.on('disconnect', () => process.exit())

async function open(url: string, count: number): Promise<void> {
  const opened = Array.from({ length: count }, async () => {
    const [stream] = (await once(get(url, { agent }), 'response')) as [IncomingMessage]
    stream.setEncoding('utf8')
    await once(stream, 'data')
    streams.push(stream)
  })
  await Promise.all(opened)
  process.send?.({ type: 'opened' })
}

async function listen(): Promise<void> {
  const heard = Promise.all(streams.map(wholeEvent))
  process.send?.({ type: 'listening' })
  process.send?.({ type: 'heard', at: await heard })
}

/** An event is there when the blank line behind it is. */
function wholeEvent(stream: IncomingMessage): Promise<number> {
  return new Promise((resolve) => {
    const take = (chunk: string) => {
      if (!chunk.endsWith('\n\n')) return
      stream.off('data', take)
      resolve(sharedClockMs())
    }
    stream.on('data', take)
  })
}
