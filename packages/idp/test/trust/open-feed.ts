import assert from 'node:assert/strict'
import { basic, verifier } from '../estate.ts'

/** One event of the trust feed, as it is sent. */
export interface TrustEvent {
  id: string
  data: {
    epoch: number
    n: number
    full: boolean
    jwks: { keys: { kid: string }[] }
    revokedKids: string[]
    leaseSeconds: number
    more?: true
    denied?: { add: object[]; drop?: object[] }
  }
}

/** Opens the trust feed of an instance, to be read event by event. */
export async function openFeed(url: string, lastEventId?: string, credential = verifier) {
  const headers: Record<string, string> = { authorization: basic(credential) }
  if (lastEventId) headers['last-event-id'] = lastEventId
  const abort = new AbortController()
  const reply = await fetch(`${url}/trust/feed`, { headers, signal: abort.signal })
  assert.equal(reply.headers.get('content-type'), 'text/event-stream')
  const blocks = blocksOf(reply.body as ReadableStream<Uint8Array>)
  async function next(wanted: (block: string) => boolean): Promise<string> {
    for (;;) {
      const { value, done } = await blocks.next()
      if (done) throw new Error('the feed ended')
      if (wanted(value)) return value
    }
  }
  return {
    async next(): Promise<TrustEvent> {
      const lines = (await next((block) => block.includes('event: trust'))).split('\n')
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? ''
      return { id: field('id'), data: JSON.parse(field('data')) }
    },
    comment: () => next((block) => block.startsWith(':')),
    async ended() {
      await assert.rejects(
        next(() => false),
        /ended|terminated|closed/,
      )
    },
    async [Symbol.asyncDispose]() {
      abort.abort()
    },
  }
}

async function* blocksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    yield* blocks
  }
}
