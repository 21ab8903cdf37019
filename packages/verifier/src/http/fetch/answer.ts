import type { InternalReply } from '../internal/reply.ts'
import type { Refusal } from '../refusal.ts'

export function refusalResponse(request: Request, { status, headers, body }: Refusal): Response {
  const text = request.method === 'HEAD' ? null : JSON.stringify(body)
  return new Response(text, { status, headers: { ...headers } })
}

function streamOf(pieces: Iterable<string>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.iterator]()
  const encoder = new TextEncoder()
  return new ReadableStream({
    pull(controller) {
      const { done, value } = iterator.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
  })
}

export function replyResponse({ status, headers, text }: InternalReply): Response {
  return new Response(typeof text === 'string' ? text : streamOf(text), { status, headers: { ...headers } })
}
